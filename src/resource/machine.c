/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/machine.h"

#include "resource/format.h"
#include "resource/problem.h"
#include "resource/template.h"

const char *const machine_phase_values[] = {"Discovered", "Rejected",  "Available", "Provisioning",
                                            "Installed",  "Running",   "Joining",   "Ready",
                                            "Failed",     "Releasing", "Released",  NULL};
const char *const firmware_values[] = {"bios", "uefi", NULL};

const char *const install_when_values[] = {"now", "nextBoot", NULL};
const char *const wipe_method_values[] = {"auto", "secureErase", "discard", "zero", "none", NULL};
const char *const wipe_disks_values[] = {"all", "root", NULL};

const char *const bmc_protocol_values[] = {"redfish", "ipmi", NULL};

static const struct field bmc_fields[] = {
    F_STRING(struct bmc, address, "address", .format = &format_host,
             .doc = "Address of the management controller."),
    F_ENUM(struct bmc, protocol, "protocol", bmc_protocol_values,
           .doc = "How the management controller is spoken to."),
    F_STRING(struct bmc, username, "username", .doc = "User to log in as."),
    F_STRING(struct bmc, credentials_ref, "credentialsRef", .format = &format_file_name,
             .doc = "File in the server's keys folder that holds the password."),
    {0}};

#define S struct machine_release
static const struct field release_fields[] = {
    F_INT(S, generation, "generation", .min = 0, .max = INT32_MAX,
          .doc = "The machine is released while this number is above status.releasedGeneration. "
                 "`slipway release` raises it; set back before the disks are wiped, it undoes the "
                 "release."),
    F_ENUM(S, wipe, "wipe", wipe_method_values, .late = "auto",
           .doc = "How disks are wiped: auto takes for each disk the quickest way that reads back "
                  "as zeros; none leaves their data and removes only the machine's identity."),
    F_ENUM(S, disks, "disks", wipe_disks_values, .late = "all",
           .doc = "Which disks are wiped: all that are writable and not removable, or the root "
                  "disk."),
    F_INT(S, drain_timeout_seconds, "drainTimeoutSeconds", .absent = 600, .min = 0, .max = 86400,
          .late = "600",
          .doc = "How long pods may take to leave its node, in seconds; then it goes without "
                 "them."),
    F_TRI(S, power_off, "powerOff",
          .doc = "Whether the machine is powered off in the end; else it waits in stage2.",
          .late = "true"),
    {0}};
#undef S

#define S struct machine_spec
const struct field machine_spec_fields[] = {
    F_MACS(S, mac_addresses, "macAddresses", FIELD_UNIQUE, .max_items = 64,
           .doc = "MAC addresses of the machine's network cards. A machine is recognised by any "
                  "one of them, and no two Machines may have one in common."),
    F_STRING(S, uuid, "uuid", .format = &format_uuid,
             .doc = "System UUID as firmware reports it (SMBIOS)."),
    F_STRING(S, serial, "serial", .max_length = 128,
             .doc = "Serial number of the machine as firmware reports it (SMBIOS)."),
    F_STRING(S, profile, "profile", .format = &format_name, .flags = FIELD_SELECTABLE,
             .doc = "Name of the Profile that gives what is not said here."),
    F_TRI(S, approved, "approved",
          .doc =
              "Whether the machine may be installed: true approves it, false rejects it. Without "
              "a value it waits for a decision.",
          .late = "undecided, or as the Profile's autoApprove says"),
    F_STRING(S, approved_key, "approvedKey", .format = &format_key,
             .doc = "Key that the approval is bound to: whoever asks as this machine with another "
                    "one gets nothing and is shown in status.candidate. `slipway approve` sets it "
                    "to the key that asks.",
             .late = "the first key that asks is trusted, and a later one as well while an "
                     "installation is due"),
    F_INT(S, install_generation, "installGeneration", .def = "1", .min = 0, .max = INT32_MAX,
          .doc = "The machine is installed while this number is above "
                 "status.installedGeneration. Raise it to have the machine installed once more."),
    F_ENUM(S, install_when, "installWhen", install_when_values, .late = "now",
           .doc = "When an installation begins that is asked for while the machine runs: now "
                  "restarts it, after it has left its Cluster; nextBoot waits until somebody "
                  "does."),
    F_OBJECT(S, release, "release", struct machine_release, release_fields,
             .doc = "Giving the machine back: it leaves its Cluster, its disks are wiped, and it "
                    "is not installed again before it is asked for."),
    F_OBJECT(S, bmc, "bmc", struct bmc, bmc_fields,
             .doc = "The machine's management controller. It is kept; nothing speaks to it yet."),
    TEMPLATE_FIELDS,
    F_OBJECT(S, network, "network", struct machine_network, machine_network_fields,
             .doc = "How the installed system reaches the network."),
    {0}};
#undef S

static const struct field identity_fields[] = {
    F_STRING(struct machine_identity, public_key, "publicKey",
             .doc = "Ed25519 key that the machine registered with, base64url."),
    F_STRING(struct machine_identity, fingerprint, "fingerprint", .flags = FIELD_SELECTABLE,
             .doc = "Fingerprint of that key."),
    F_STRING(struct machine_identity, words, "words",
             .doc = "The fingerprint as words, as the machine's console shows it."),
    {0}};

#define S struct machine_candidate
static const struct field candidate_fields[] = {
    F_STRING(S, public_key, "publicKey", .doc = "Ed25519 key that asks, base64url."),
    F_STRING(S, fingerprint, "fingerprint", .doc = "Fingerprint of that key."),
    F_STRING(S, words, "words",
             .doc = "The fingerprint as words, as the console shows it of the machine that asks."),
    F_TIME(S, seen, "seen", .doc = "When it asked, to the minute."),
    {0}};
#undef S

/* What machines report of themselves: anybody on the network may, so it is kept short. */
#define FACT .max_length = 128

static const struct field dmi_fields[] = {
    F_STRING(struct machine_dmi, manufacturer, "manufacturer", FACT, .doc = "System manufacturer."),
    F_STRING(struct machine_dmi, product, "product", FACT, .doc = "Product name."),
    F_STRING(struct machine_dmi, serial, "serial", FACT, .doc = "Serial number."),
    F_STRING(struct machine_dmi, uuid, "uuid", FACT, .doc = "System UUID."),
    F_STRING(struct machine_dmi, bios_version, "biosVersion", FACT,
             .doc = "Version of the firmware."),
    {0}};

static const struct field cpu_fields[] = {
    F_STRING(struct machine_cpu, model, "model", FACT, .doc = "Name of the processor."),
    F_INT(struct machine_cpu, count, "count", .doc = "Number of logical processors."),
    F_INT(struct machine_cpu, sockets, "sockets", .doc = "Number of sockets."),
    {0}};

static const struct field nic_fields[] = {
    F_STRING(struct machine_nic, name, "name", FACT, .doc = "Name of the interface in stage2."),
    F_MAC(struct machine_nic, mac, "mac", .doc = "MAC address."),
    F_STRING(struct machine_nic, driver, "driver", FACT, .doc = "Kernel driver."),
    F_INT(struct machine_nic, speed_mbps, "speedMbps", .doc = "Link speed in Mbit/s."),
    F_BOOL(struct machine_nic, carrier, "carrier", .doc = "Whether a cable is plugged in."),
    F_STRING(struct machine_nic, pci_address, "pciAddress", FACT, .doc = "Address on the PCI bus."),
    {0}};

#define S struct machine_disk
static const struct field disk_fields[] = {
    F_STRING(S, name, "name", FACT, .doc = "Name of the disk in stage2, such as nvme0n1."),
    F_STRING(S, path, "path", .max_length = 256,
             .doc = "Path that names the disk by where it is plugged in."),
    F_STRING(S, serial, "serial", FACT, .doc = "Serial number."),
    F_STRING(S, wwn, "wwn", FACT, .doc = "World-wide name."),
    F_STRING(S, model, "model", FACT, .doc = "Model."),
    F_INT(S, size_bytes, "sizeBytes", .doc = "Size in bytes."),
    F_INT(S, sector_size, "sectorSize", .doc = "Logical sector size in bytes."),
    F_BOOL(S, rotational, "rotational", .doc = "Whether it has spinning platters."),
    F_ENUM(S, type, "type", disk_type_values, .doc = "Kind of disk."),
    F_STRING(S, contents, "contents", FACT, .doc = "What was found on it."),
    {0}};
#undef S

#define S struct machine_inventory
const struct field machine_inventory_fields[] = {
    F_OBJECT(S, dmi, "dmi", struct machine_dmi, dmi_fields, .doc = "What firmware says."),
    F_STRING(S, architecture, "architecture", FACT,
             .doc = "Processor architecture, such as amd64."),
    F_ENUM(S, firmware, "firmware", firmware_values, .doc = "Firmware that started stage2."),
    F_BOOL(S, secure_boot, "secureBoot", .doc = "Whether Secure Boot is on."),
    F_OBJECT(S, cpu, "cpu", struct machine_cpu, cpu_fields, .doc = "Processors."),
    F_INT(S, memory_bytes, "memoryBytes", .doc = "Memory in bytes."),
    F_OBJECTS(S, nics, "nics", struct machine_nic, nic_fields, 0, .max_items = 64,
              .doc = "Network cards."),
    F_OBJECTS(S, disks, "disks", struct machine_disk, disk_fields, 0, .max_items = 256,
              .doc = "Disks."),
    {0}};
#undef S

#define S struct machine_progress
static const struct field progress_fields[] = {
    F_STRING(S, step, "step", .doc = "Step that is under way."),
    F_INT(S, bytes_done, "bytesDone", .doc = "Bytes of the image that are on the disk."),
    F_INT(S, bytes_total, "bytesTotal", .doc = "Bytes of the image."),
    F_STRING(S, message, "message", .format = &format_text, .max_length = 4096,
             .doc = "What is being done, for people."),
    F_TIME(S, updated_at, "updatedAt", .doc = "When this was last reported."),
    {0}};
#undef S

static const struct field address_fields[] = {
    F_STRING(struct machine_address, type, "type", .format = &format_reason,
             .doc = "InternalIP or Hostname."),
    F_STRING(struct machine_address, address, "address", .doc = "The address."),
    {0}};

const char *const join_state_values[] = {"Running", "Done", "Failed", NULL};

#define S struct machine_join
const struct field machine_join_fields[] = {
    F_STRING(S, task, "task", .max_length = 64, .doc = "Identifier of the task."),
    F_ENUM(S, state, "state", join_state_values, .doc = "How far it is."),
    F_STRING(S, phase, "phase", FACT, .doc = "What kubeadm does, as the machine reports it."),
    F_STRING(S, failure, "failure", .format = &format_reason, FACT,
             .doc = "Why it failed, in one CamelCase word."),
    F_STRING(S, message, "message", .format = &format_text, .max_length = 4096,
             .doc = "Why it failed, for people."),
    F_STRING(S, node_name, "nodeName", .max_length = 253, .doc = "Name of its Node."),
    F_TIME(S, started_at, "startedAt", .doc = "When the machine was given the task."),
    F_TIME(S, ended_at, "endedAt", .doc = "When the machine said that it has ended."),
    F_INT(S, attempts, "attempts", .doc = "How many tasks it was given for this installation."),
    F_STRING(S, token_id, "tokenID", .max_length = 6,
             .doc = "Public half of the bootstrap token that was made for it."),
    F_TIME(S, token_expires_at, "tokenExpiresAt", .doc = "End of that token, and of its window."),
    F_STRING(S, bound_key, "boundKey", FACT,
             .doc = "Hash of the public key that its first certificate was approved for."),
    {0}};
#undef S

#define S struct machine_failure
static const struct field failure_fields[] = {
    F_STRING(S, step, "step", .doc = "Step that failed."),
    F_STRING(S, reason, "reason", .format = &format_reason, .doc = "Why, in one CamelCase word."),
    F_STRING(S, message, "message", .format = &format_text, .max_length = 4096,
             .doc = "Why, for people."),
    F_TIME(S, time, "time", .doc = "When."),
    {0}};
#undef S

static const struct field timeline_fields[] = {
    F_TIME(struct machine_timeline, time, "time", .doc = "When, or when for the last time."),
    F_INT(struct machine_timeline, count, "count", .doc = "How often, when more than once."),
    F_STRING(struct machine_timeline, event, "event", .doc = "What was seen."),
    F_STRING(struct machine_timeline, message, "message", .format = &format_text,
             .doc = "Details, for people."),
    {0}};

#define S struct machine_status
const struct field machine_status_fields[] = {
    F_ENUM(S, phase, "phase", machine_phase_values, .flags = FIELD_SELECTABLE,
           .doc = "Where the machine stands."),
    F_INT(S, observed_generation, "observedGeneration",
          .doc = "metadata.generation that this status is about."),
    F_OBJECTS(S, conditions, "conditions", struct condition, condition_fields, 0, .max_items = 32,
              .doc = "Approved, Imaged, Booted, Joined, NodeReady, Leaving and Healthy."),
    F_OBJECT(S, identity, "identity", struct machine_identity, identity_fields,
             .doc = "Key that the machine registered with."),
    F_OBJECT(S, candidate, "candidate", struct machine_candidate, candidate_fields,
             .doc = "Key that asks as this machine though another one is approved: of an intruder, "
                    "or of the machine itself when it has lost its key. Compare the words on its "
                    "console before `slipway approve`."),
    F_STRING(S, boot_id, "bootID", .format = &format_uuid,
             .doc = "Start of stage2 that was heard of last. Each start that begins to install is "
                    "an attempt."),
    F_OBJECT(S, inventory, "inventory", struct machine_inventory, machine_inventory_fields,
             .doc = "Hardware that stage2 found."),
    F_OBJECT(S, progress, "progress", struct machine_progress, progress_fields,
             .doc = "Step that is under way."),
    F_OBJECTS(S, addresses, "addresses", struct machine_address, address_fields, 0, .max_items = 64,
              .doc = "Addresses that the machine reported."),
    F_STRING(S, image, "image",
             .doc = "Image that applies: that of the specification, or the Profile's."),
    F_STRING(S, cluster, "cluster", .flags = FIELD_SELECTABLE,
             .doc = "Cluster that applies, likewise."),
    F_ENUM(S, role, "role", machine_role_values, .doc = "Role that applies, likewise."),
    F_INT(S, installed_generation, "installedGeneration",
          .doc = "spec.installGeneration that was installed last."),
    F_STRING(S, installed_image, "installedImage", .doc = "Image that was installed last."),
    F_STRING(S, installing_image, "installingImage",
             .doc = "Image that stage2 was told to write last, whatever was asked for since."),
    F_INT(S, released_generation, "releasedGeneration",
          .doc = "spec.release.generation that has ended. status.installedGeneration then counts "
                 "what was asked for before as done."),
    F_INT(S, wiping_generation, "wipingGeneration",
          .doc = "spec.release.generation whose wiping has begun: it cannot be undone."),
    F_STRING(S, revoked_key, "revokedKey", .max_length = 64,
             .doc = "Key that the machine gave up when it was released: nobody is trusted who "
                    "shows it, even if spec.approvedKey still names it."),
    F_TIME(S, restarted_at, "restartedAt",
           .doc = "When the installed system was last told to restart into stage2."),
    F_INT(S, attempts, "attempts",
          .doc = "Tries of the installation, or of the wiping, that is under way."),
    F_OBJECT(S, join, "join", struct machine_join, machine_join_fields,
             .doc = "Task that makes the machine a member of its Cluster."),
    F_OBJECT(S, failure, "failure", struct machine_failure, failure_fields,
             .doc = "Why the machine's last step failed."),
    F_OBJECTS(S, timeline, "timeline", struct machine_timeline, timeline_fields, 0,
              .max_items = MACHINE_TIMELINE_MAX,
              .doc = "What was last seen of the machine, oldest first."),
    F_TIME(S, last_seen, "lastSeen", .doc = "When the machine was last heard of."),
    {0}};
#undef S

static const struct field machine_fields[] = {
    F_OBJECT(struct machine, spec, "spec", struct machine_spec, machine_spec_fields,
             .doc = "What the machine should be."),
    F_OBJECT(struct machine, status, "status", struct machine_status, machine_status_fields,
             .doc = "What the server knows about the machine."),
    {0}};

static const struct column machine_columns[] = {
    {"Phase", "string", ".status.phase", "Where the machine stands", 0},
    {"Image", "string", ".status.image", "Image that applies, its own or the Profile's", 0},
    {"Role", "string", ".status.role", "Role in the cluster that applies", 0},
    {"Address", "string", ".status.addresses[0].address", "First address that it reported", 0},
    {"Age", "date", ".metadata.creationTimestamp", "Time since the Machine was created", 0},
    {"MAC", "string", ".spec.macAddresses[0]", "First MAC address", 1},
    {"Serial", "string", ".spec.serial", "Serial number", 1},
    {"Installed", "string", ".status.installedImage", "Image that was installed last", 1},
    {"Profile", "string", ".spec.profile", "Profile that gives what the Machine does not say", 1},
    {"Cluster", "string", ".status.cluster", "Cluster that it belongs to", 1},
    {"Step", "string", ".status.progress.step", "Step that is under way", 1},
    {"Failure", "string", ".status.failure.message", "Why its last step failed", 1},
    {0}};

static void machine_check(const void *object, struct problems *problems)
{
    const struct machine *machine = object;
    template_check(&machine->spec, problems);
}

const struct kind kind_machine = {
    .group = GROUP_NAME,
    .version = GROUP_VERSION,
    .kind = "Machine",
    .singular = "machine",
    .plural = "machines",
    .short_names = (const char *const[]){"mach", NULL},
    .categories = (const char *const[]){"slipway", NULL},
    .doc = "A physical or virtual computer that Slipway knows.",
    .has_status = true,
    .fields = machine_fields,
    .columns = machine_columns,
    .size = sizeof(struct machine),
    .check = machine_check,
};

int machine_decode(const json_t *json, struct machine **ret, struct err *err)
{
    void *object;
    int r = object_decode(&kind_machine, json, &object, err);
    if (r >= 0)
        *ret = object;
    return r;
}

void machine_free(struct machine *machine)
{
    object_free(machine);
}

int64_t machine_release_generation(const struct machine *machine)
{
    const struct machine_status *s = &machine->status;
    int64_t asked = machine->spec.release.generation;
    int64_t generation = asked > s->wiping_generation ? asked : s->wiping_generation;
    return generation > s->released_generation ? generation : 0;
}

bool machine_release_is_open(const struct machine *machine)
{
    return machine_release_generation(machine) > 0;
}

bool machine_is_released(const struct machine *machine)
{
    const struct machine_status *s = &machine->status;
    return s->released_generation > 0 && !s->installed_image &&
           machine->spec.install_generation <= s->installed_generation;
}

const char *machine_phase_text(enum machine_phase phase)
{
    return field_enum_text(machine_phase_values, (int)phase);
}
