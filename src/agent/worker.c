/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/coldplug.h"
#include "agent/disk-key.h"
#include "image/efi-boot.h"
#include "agent/handover.h"
#include "agent/install.h"
#include "agent/mounts.h"
#include "agent/network.h"
#include "agent/retry.h"
#include "agent/wipe.h"
#include "agent/system-clock.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/str.h"

#define KEY_PATH "/run/slipway.key"
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

enum {
    NETWORK_WAIT_MS = 10000,
    STORAGE_HELLO_MS = 2000, /* how long the first hello waits for disks */
    LOOK_AGAIN_MS = 5000,    /* how old the inventory in a hello may be */
    HELLO_FIRST_MS = 500,
    HELLO_MAX_MS = 15000,
    CHANGE_LINK_AFTER = 3, /* hellos without an answer */
    POLL_MIN_S = 1,
    POLL_MAX_S = 300,
    BANNER_EVERY_MS = 60 * 1000,
    INSTALL_TRIES = 5,
    INSTALL_FIRST_MS = 2000,
    INSTALL_MAX_MS = 30000,
    RULE_AGAIN_MS = 30 * 1000,
    LOCAL_BOOT_MS = 3000,
    STOPPED_MS = 60 * 1000,
};

struct worker {
    struct cmdline cmdline;
    char *cmdline_text;
    struct modules modules;
    struct inventory inventory;
    struct storage *storage;
    struct network *network;
    struct trust_key new_key, disk_key;
    const struct trust_key *key; /* one of these */
    bool key_settled;            /* it is not changed any more */
    int64_t looked_at;           /* clock when the disks were looked at */
    bool disks_settled;          /* and whether all should have been there */
    struct talk talk;
    struct reporter *reporter;
    int64_t started;
    bool registered; /* the server has answered once */
    char machine[MACHINE_NAME_MAX + 1];
    char shown[512]; /* the last state on the console */
    int64_t shown_at;
    struct retry install_retry;
    uint64_t install_generation; /* that install_retry counts for */
    char told[1024];             /* the last failure of the disk rule that was reported */
};

/* Where the time of the start goes, for slipway.debug. */
static void mark(const struct worker *w, const char *what)
{
    log_debug("%s: %ld ms after the agent's start", what,
              (long)(clock_now(&clock_system) - w->started));
}

static uint32_t random_number(void)
{
    uint32_t random;
    rng_fill(&rng_system, &random, sizeof(random));
    return random;
}

/* A state is shown when it changes and every minute: somebody may have just plugged in a screen. */
static void show_state(struct worker *w, const char *state)
{
    char words[TRUST_FINGERPRINT_TEXT_SIZE];
    int64_t now = clock_now(&clock_system);
    if (str_eq(state, w->shown) && now - w->shown_at < BANNER_EVERY_MS)
        return;
    (void)snprintf(w->shown, sizeof(w->shown), "%s", state);
    w->shown_at = now;
    log_info("machine %s, key %s", w->machine[0] ? w->machine : "(not registered)",
             trust_fingerprint(&w->key->public, words));
    log_info("%s", state);
}

static _Noreturn void stop_here(const char *why)
{
    for (;;) {
        log_error("%s", why);
        clock_sleep_ms(STOPPED_MS);
    }
}

static void prepare(struct worker *w)
{
    struct err err = ERR_INIT;
    w->started = clock_now(&clock_system);
    if (trust_init() < 0)
        stop_here("libsodium does not start");
    if (file_read("/proc/cmdline", 1 << 16, &w->cmdline_text, NULL, &err) < 0)
        stop_here(err_text(&err));
    int r = cmdline_parse(w->cmdline_text, &w->cmdline, &err);
    log_init(w->cmdline.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, LOG_STYLE_KERNEL);
    if (r == -EDESTADDRREQ)
        stop_here(err_text(&err));
    if (r < 0)
        log_warn("kernel command line: %s", err_text(&err));
    if (modules_open(&w->modules, w->cmdline_text, &err) < 0)
        log_warn("%s: only drivers that the kernel has built in", err_text(&err));
    (void)!str_copy(w->machine, sizeof(w->machine), w->cmdline.machine);
}

/* Adapters first, so that their links negotiate while disks spin up. */
static void start_devices(struct worker *w)
{
    struct err err = ERR_INIT;
    coldplug_settle(&w->modules, "/sys", CLASS_BIT(MODULE_BUS));
    coldplug_settle(&w->modules, "/sys", CLASS_BIT(MODULE_NETWORK) | CLASS_BIT(MODULE_BUS));
    mark(w, "buses and adapters are driven");
    inventory_system("/sys", "/proc", &w->inventory);
    struct network_options options = {.has_boot_mac = w->cmdline.has_boot_mac,
                                      .boot_mac = w->cmdline.boot_mac,
                                      .rng = &rng_system};
    options.has_uuid = inventory_uuid_bytes(&w->inventory, options.uuid);
    if (network_start(&options, &w->network, &err) < 0)
        stop_here(err_text(&err));
    w->storage = storage_start(&w->modules);
    if (!w->storage)
        stop_here("out of memory");
    mark(w, "network and disks under way");
}

/* One key for this start of the machine, also when this process dies: /run is memory. */
static void make_key(struct worker *w)
{
    struct err err = ERR_INIT;
    if (trust_key_load_or_create(KEY_PATH, &w->new_key, &err) < 0) {
        log_warn("%s", err_text(&err));
        trust_key_generate(&w->new_key);
    }
    w->key = &w->new_key;
}

/* An interrupted installation, or the one before, left the key that was approved. */
static bool take_disk_key(struct worker *w)
{
    const struct disk_key_owner owner = {&w->cmdline.key, w->inventory.uuid};
    const struct disk *disk = NULL;
    if (disk_key_find("/dev", w->inventory.disks, w->inventory.disk_count, &owner, &w->disk_key,
                      &disk) < 0)
        return false;
    w->key = &w->disk_key;
    log_debug("%s holds this machine's key", disk->name);
    return true;
}

/* Disks that come late may hold the key, too; what is being installed keeps the one it began with.
 */
static void look_at_disks(struct worker *w, int timeout_ms)
{
    w->disks_settled = storage_wait(w->storage, timeout_ms);
    inventory_disks("/sys", "/dev", &w->inventory);
    w->looked_at = clock_now(&clock_system);
    if (!w->key_settled)
        w->key_settled = take_disk_key(w) || w->disks_settled;
}

static void start_talking(struct worker *w)
{
    struct err err = ERR_INIT;
    look_at_disks(w, STORAGE_HELLO_MS);
    if (!w->key)
        make_key(w);
    if (talk_init(&w->talk, w->cmdline.server, w->key, &w->cmdline.key, &rng_system, &err) < 0)
        stop_here(err_text(&err));
    w->reporter = reporter_new(&w->talk);
    if (!w->reporter)
        stop_here("out of memory");
    mark(w, "key known");
}

/* Which start of stage2 this is: a key may be older. A new reference, NULL when not known. */
static json_t *boot_facts(void)
{
    _autofree_ char *id = NULL;
    if (file_read(BOOT_ID_PATH, 64, &id, NULL, NULL) < 0)
        return NULL;
    id[strcspn(id, "\n")] = '\0';
    return json_pack("{s:s}", "bootID", id);
}

static int say_hello(struct worker *w, const struct network_link *link, struct protocol_answer *ret,
                     struct err *err)
{
    struct inventory *inventory = &w->inventory;
    _autofree_ struct protocol_hello *hello = calloc(1, sizeof(*hello));
    char address[CIDR_TEXT_SIZE];
    if (!hello)
        return err_set(err, -ENOMEM, "out of memory");
    if (!w->disks_settled || clock_now(&clock_system) - w->looked_at >= LOOK_AGAIN_MS) {
        look_at_disks(w, w->registered ? 0 : STORAGE_HELLO_MS);
        talk_set_key(&w->talk, w->key);
    }
    inventory_nics("/sys", inventory);
    hello->program = PROTOCOL_AGENT;
    for (size_t i = 0; i < inventory->nic_count && i < PROTOCOL_MACS_MAX; i++)
        hello->macs[hello->mac_count++] = inventory->nics[i].mac;
    hello->name = w->cmdline.machine[0] ? w->cmdline.machine : NULL;
    hello->uuid = inventory->uuid[0] ? inventory->uuid : NULL;
    hello->serial = inventory->serial[0] ? inventory->serial : NULL;
    hello->inventory = inventory_to_json(inventory);
    hello->system = boot_facts();
    hello->addresses = json_array();
    (void)json_array_append_new(hello->addresses,
                                json_string(cidr_text(link->lease.address, address)));
    mark(w, "inventory taken");
    int r = talk_hello(&w->talk, hello, ret, err);
    json_decref(hello->inventory);
    json_decref(hello->addresses);
    json_decref(hello->system);
    return r;
}

/* Certificates that are made now are not valid for a system whose clock is far away. */
static void follow_clock(int64_t server)
{
    int64_t own = clock_wall(&clock_system);
    char text[CLOCK_TEXT_SIZE];
    if (!system_clock_is_wrong(own, server))
        return;
    int r = system_clock_set(server);
    if (r < 0)
        log_warn("the clock is wrong, and cannot be set: %s", strerror(-r));
    else
        log_info("the clock was wrong: it follows the server's, %s", clock_text(server, text));
}

/* Asks until the server answers, through another link when this one leads nowhere. */
static void ask_server(struct worker *w, struct protocol_answer *ret)
{
    struct retry retry = RETRY(HELLO_FIRST_MS, HELLO_MAX_MS, 0);
    for (unsigned misses = 0;;) {
        struct network_link link = {0};
        struct err err = ERR_INIT;
        uint32_t pause = 0;
        if (network_wait(w->network, NETWORK_WAIT_MS, &link, &err) < 0) {
            show_state(w, err_text(&err));
            continue;
        }
        mark(w, "address set");
        if (say_hello(w, &link, ret, &err) == 0)
            break;
        char state[512];
        (void)snprintf(state, sizeof(state), "the server %s does not answer through %s: %s",
                       w->cmdline.server, link.name, err_text(&err));
        show_state(w, state);
        if (++misses % CHANGE_LINK_AFTER == 0)
            network_change(w->network);
        (void)retry_failed(&retry, random_number(), &pause);
        clock_sleep_ms(pause);
    }
    w->registered = true;
    mark(w, "the server has answered");
    follow_clock((int64_t)ret->time_ms);
    if (ret->machine)
        (void)!str_copy(w->machine, sizeof(w->machine), ret->machine);
}

static void wait_for_poll(const struct protocol_answer *answer)
{
    uint32_t seconds = answer->poll_seconds;
    if (seconds < POLL_MIN_S)
        seconds = POLL_MIN_S;
    if (seconds > POLL_MAX_S)
        seconds = POLL_MAX_S;
    clock_sleep_ms(seconds * 1000);
}

static void show_wait(struct worker *w, const struct protocol_answer *answer)
{
    char state[512];
    const char *what =
        answer->action == PROTOCOL_REJECT ? "rejected by an administrator" : "waiting";
    (void)snprintf(state, sizeof(state), "%s%s%s", what, answer->reason ? ": " : "",
                   answer->reason ? answer->reason : "");
    show_state(w, state);
}

/* Disk decisions are looked at again and again, but told only once. */
static void rule_failed(struct worker *w, const struct install_failure *failure,
                        const struct err *err)
{
    if (!str_eq(w->told, err_text(err)))
        reporter_say(w->reporter, failure->step, failure->reason, true, err_text(err));
    (void)snprintf(w->told, sizeof(w->told), "%s", err_text(err));
    clock_sleep_ms(RULE_AGAIN_MS);
}

static struct install work_of(struct worker *w)
{
    return (struct install){.cmdline = &w->cmdline,
                            .key = w->key,
                            .machine = w->machine,
                            .inventory = &w->inventory,
                            .storage = w->storage,
                            .reporter = w->reporter,
                            .rng = &rng_system,
                            .started = w->started};
}

static void install(struct worker *w, const struct protocol_plan *plan)
{
    struct install run = work_of(w);
    struct install_failure failure = {0};
    struct err err = ERR_INIT;
    uint32_t pause = 0;
    if (w->install_generation != plan->install_generation) {
        w->install_generation = plan->install_generation;
        w->install_retry = RETRY(INSTALL_FIRST_MS, INSTALL_MAX_MS, INSTALL_TRIES);
        w->told[0] = '\0';
    }
    if (w->install_retry.tries >= INSTALL_TRIES) {
        show_state(w, "the installation failed: raise spec.installGeneration to try again");
        clock_sleep_ms(RULE_AGAIN_MS);
        return;
    }
    w->key_settled = true;
    show_state(w, "installing");
    (void)!install_run(&run, plan, &failure, &err);
    log_error("%s: %s: %s", failure.step, failure.reason, err_text(&err));
    if (failure.by_rule) {
        rule_failed(w, &failure, &err);
        return;
    }
    bool again = retry_failed(&w->install_retry, random_number(), &pause);
    reporter_say(w->reporter, failure.step, failure.reason, !again, err_text(&err));
    clock_sleep_ms(again ? pause : 0);
}

/*
 * The key of the life that has ended is of no use any more: when the machine stays on, this process
 * ends, and the next one begins with another key.
 */
static void end_life(const struct protocol_wipe *plan)
{
    (void)unlink(KEY_PATH);
    if (plan->power_off) {
        log_info("released: powering off");
        int r = handover_power_off();
        log_error("cannot power off: %s", strerror(-r));
    }
    exit(0);
}

static void wipe(struct worker *w, const struct protocol_wipe *plan)
{
    struct install run = work_of(w);
    struct install_failure failure = {0};
    struct err err = ERR_INIT;
    w->key_settled = true;
    show_state(w, "wiping the disks: this machine is being released");
    if (wipe_run(&run, plan, &failure, &err) == 0)
        end_life(plan);
    log_error("%s: %s: %s", failure.step, failure.reason, err_text(&err));
    if (failure.by_rule) {
        rule_failed(w, &failure, &err);
        return;
    }
    reporter_say(w->reporter, failure.step, failure.reason, true, err_text(&err));
    (void)!reporter_flush(w->reporter, LOCAL_BOOT_MS);
}

/* stage2 was started although the disk is installed: the firmware gets another chance. */
static void boot_local(struct worker *w)
{
    show_state(w, "nothing to install: rebooting to the installed system");
    reporter_say(w->reporter, PROTOCOL_STEP_BOOTING, NULL, false, "reboot");
    (void)!reporter_flush(w->reporter, LOCAL_BOOT_MS);
    clock_sleep_ms(LOCAL_BOOT_MS);
    (void)!handover_reboot();
}

static void step(struct worker *w)
{
    struct protocol_answer answer = {0};
    ask_server(w, &answer);
    switch (answer.action) {
    case PROTOCOL_INSTALL:
        if (answer.has_plan)
            install(w, &answer.plan);
        else
            wait_for_poll(&answer);
        break;
    case PROTOCOL_WIPE:
        if (answer.has_wipe)
            wipe(w, &answer.wipe);
        else
            wait_for_poll(&answer);
        break;
    case PROTOCOL_BOOT:
        boot_local(w);
        break;
    case PROTOCOL_WAIT:
    case PROTOCOL_REJECT:
    case PROTOCOL_OK:
    case PROTOCOL_RESYNC:
    case PROTOCOL_TASK:
    case PROTOCOL_REBOOT:
        show_wait(w, &answer);
        wait_for_poll(&answer);
        break;
    }
    protocol_answer_free(&answer);
}

int worker_run(void *data)
{
    (void)data;
    struct worker *w = calloc(1, sizeof(*w));
    if (!w)
        return 1;
    prepare(w);
    start_devices(w);
    start_talking(w);
    for (;;)
        step(w);
}
