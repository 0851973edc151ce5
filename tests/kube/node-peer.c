/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays a machine towards a real server: says what stage2 and slipway-node say, signed with a key
 * of its own, and opens the tasks that it is given. For controller.sh.
 *
 *   node-peer SERVER KEY FOLDER stage2 MAC
 *   node-peer SERVER KEY FOLDER installed GENERATION
 *   node-peer SERVER KEY FOLDER released GENERATION
 *   node-peer SERVER KEY FOLDER hello GENERATION ADDRESS [STATE [PHASE_OR_MESSAGE]]
 *   node-peer SERVER KEY FOLDER kubelet GENERATION JOURNALCTL
 *   node-peer SERVER KEY FOLDER save GENERATION
 *   node-peer SERVER KEY FOLDER restore GENERATION
 *   node-peer SERVER KEY FOLDER again GENERATION
 *
 * SERVER is "http://ADDRESS:PORT", KEY the server's public key. FOLDER keeps the machine's key, and
 * of the last task its id in `task`, its JSON in `task.json` and its files below `root`, and of an
 * installation the seed partition in `seed.img`. ADDRESS has a prefix length; several have commas
 * between them. STATE is what the machine says of that task: running, done, failed, member (it
 * failed because the machine is a node already), or lost (it never arrived). JOURNALCTL is a
 * program that prints what kubelet said last. Prints the server's answer as one line of JSON, with
 * the task's id and kind. save and restore do what slipway-node does at the last task: with the
 * static Pods and the etcd below FOLDER/machine. again starts those Pods again, as slipway-node
 * does when a save was interrupted, or is over.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "image/fat.h"
#include "node/cluster-run.h"
#include "node/conversation.h"
#include "node/kubelet-report.h"
#include "node/post.h"
#include "protocol/task.h"
#include "provision/identity.h"

enum { TEXT_MAX = 4096, FOLDER_MODE = 0700, DEADLINE_MS = 60000, SEED_SIZE = 8 << 20 };

struct peer {
    struct trust_key key;
    struct post *post;
    struct conversation conversation;
    const char *server, *server_key, *folder;
};

static int fail(const struct err *err)
{
    (void)fprintf(stderr, "node-peer: %s\n", err_text(err));
    return 1;
}

static int open_peer(struct peer *p, char *argv[], unsigned generation, struct err *err)
{
    _autofree_ char *path = str_format("%s/key", argv[3]);
    p->server = argv[1], p->server_key = argv[2], p->folder = argv[3];
    int r = path ? dir_make(p->folder, FOLDER_MODE, err) : -ENOMEM;
    if (r == 0)
        r = trust_key_load_or_create(path, &p->key, err);
    if (r == 0)
        r = post_new(argv[1], &p->post, err);
    if (r < 0)
        return r;
    _autofree_ char *seed = trust_key_to_text(&p->key);
    const struct provision_identity identity = {.server_key = argv[2], .private_key = seed};
    const struct node_transport transport = {.post = post_send, .data = p->post};
    return conversation_init(&p->conversation, &identity, generation, &transport, &rng_system, err);
}

static void close_peer(struct peer *p)
{
    conversation_free(&p->conversation);
    if (p->post)
        post_free(p->post);
    trust_key_wipe(&p->key);
}

/* ---- the task ---- */

static int write_below(const char *folder, const char *path, const char *data, mode_t mode,
                       struct err *err)
{
    _autofree_ char *whole = str_format("%s/%s", folder, path);
    if (!whole)
        return -ENOMEM;
    for (char *slash = strchr(whole + strlen(folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int r = dir_make(whole, FOLDER_MODE, err);
        *slash = '/';
        if (r < 0)
            return r;
    }
    return file_write_atomic(whole, data, strlen(data), mode, err);
}

static int keep_task(const struct peer *p, const struct protocol_task *task, struct err *err)
{
    _autofree_ char *root = str_format("%s/root", p->folder);
    char *text = NULL;
    int r = root ? tree_remove(root, err) : -ENOMEM;
    if (r == 0)
        r = dir_make(root, FOLDER_MODE, err);
    if (r == 0)
        r = protocol_task_build(task, &text, err);
    if (r == 0)
        r = write_below(p->folder, "task.json", text, 0600, err);
    if (r == 0)
        r = write_below(p->folder, "task", task->id, 0600, err);
    for (size_t i = 0; r == 0 && i < task->file_count; i++)
        r = write_below(root, task->files[i].path + 1, task->files[i].data, task->files[i].mode,
                        err);
    protocol_task_text_free(text);
    return r;
}

static int take_task(const struct peer *p, const char *sealed, json_t *line, struct err *err)
{
    static const char *const kinds[] = {"init", "join", "reset", "save", "resume"};
    struct protocol_task task _autotask_ = {0};
    int r = protocol_task_unseal(&p->key, sealed, &task, err);
    if (r == 0)
        r = keep_task(p, &task, err);
    if (r == 0)
        (void)json_object_set_new(line, "task",
                                  json_pack("{s:s, s:s, s:s}", "id", task.id, "kind",
                                            kinds[task.kind], "nodeName", task.node_name));
    return r;
}

/* ---- the installation ---- */

/* Unsealed, and with the machine's identity, as stage2 writes it to the disk. */
static int open_seed(const struct peer *p, const struct protocol_answer *answer, struct seed *ret,
                     struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    int r = trust_unseal(&p->key, answer->plan.sealed_seed, SEED_JSON_MAX, &text, &len);
    if (r == 0)
        r = seed_parse(text, len, ret, err);
    seed_text_free(text);
    if (r < 0)
        return r;
    struct provision_identity identity _autoidentity_ = {
        .machine = answer->machine ? strdup(answer->machine) : NULL,
        .server = strdup(p->server),
        .server_key = strdup(p->server_key),
        .private_key = trust_key_to_text(&p->key)};
    return provision_identity_put(&identity, ret, err);
}

static int keep_seed(const struct peer *p, const struct protocol_answer *answer, struct err *err)
{
    const struct fat_options options = {.size = SEED_SIZE, .label = "CIDATA"};
    _autofree_ char *path = str_format("%s/seed.img", p->folder);
    _autoseed_ struct seed seed = SEED_INIT;
    struct fat_file files[SEED_FILES_MAX];
    uint8_t *fat = NULL;
    int r = path ? open_seed(p, answer, &seed, err) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < seed.count; i++)
        files[i] = (struct fat_file){
            .path = seed.files[i].path, .data = seed.files[i].data, .len = seed.files[i].len};
    if (r == 0)
        r = fat_build(&options, files, seed.count, &fat, err);
    if (r == 0)
        r = file_write_atomic(path, fat, SEED_SIZE, 0600, err);
    free(fat);
    return r;
}

static int show(const struct peer *p, struct protocol_answer *answer, struct err *err)
{
    json_auto_t *line = protocol_answer_to_json(answer);
    (void)json_object_del(json_object_get(line, "plan"), "sealedSeed");
    (void)json_object_del(line, "task");
    int r = answer->sealed_task ? take_task(p, answer->sealed_task, line, err) : 0;
    if (r == 0 && answer->has_plan && answer->plan.sealed_seed)
        r = keep_seed(p, answer, err);
    if (r == 0) {
        (void)json_dumpf(line, stdout, JSON_COMPACT);
        (void)putchar('\n');
    }
    return r;
}

/* ---- what it says ---- */

static int stage2(struct peer *p, const char *mac, struct protocol_answer *ret, struct err *err)
{
    struct protocol_hello hello = {.program = PROTOCOL_AGENT, .mac_count = 1};
    if (mac_parse(mac, &hello.macs[0]) < 0)
        return err_set(err, -EINVAL, "%s is no MAC address", mac);
    int r = conversation_hello(&p->conversation, &hello, ret, err);
    protocol_hello_free(&hello);
    return r;
}

static int report_step(struct peer *p, const char *step, struct protocol_answer *ret,
                       struct err *err)
{
    struct protocol_report report = {.step = strdup(step)};
    int r = report.step ? conversation_report(&p->conversation, &report, ret, err) : -ENOMEM;
    protocol_report_free(&report);
    return r;
}

static int load_task(const struct peer *p, struct protocol_task *ret, struct err *err)
{
    _autofree_ char *path = str_format("%s/task.json", p->folder);
    char *text = NULL;
    size_t len = 0;
    int r = path ? file_read(path, PROTOCOL_TASK_TEXT_MAX, &text, &len, err) : -ENOMEM;
    if (r == 0)
        r = protocol_task_parse(text, len, ret, err);
    protocol_task_text_free(text);
    return r;
}

/* As the real one: a machine is a node from the end of an init or join until the end of a reset. */
static int add_node_name(const struct peer *p, const char *outcome, json_t *state, struct err *err)
{
    struct protocol_task task _autotask_ = {0};
    int r = load_task(p, &task, err);
    bool node = r == 0 && task.kind != PROTOCOL_TASK_RESET && str_eq(outcome, "done");
    if (node)
        (void)json_object_set_new(state, "nodeName", json_string(task.node_name));
    return r;
}

/* As protocol_task_state_to_json() writes it. */
static int add_state(const struct peer *p, json_t *system, char *argv[], struct err *err)
{
    _autofree_ char *path = str_format("%s/task", p->folder);
    _autofree_ char *id = NULL;
    bool member = str_eq(argv[0], "member"), failed = member || str_eq(argv[0], "failed");
    int r = path ? file_read(path, TEXT_MAX, &id, NULL, err) : -ENOMEM;
    if (r < 0)
        return r;
    json_t *state = json_pack("{s:s, s:s}", "task", id, "state", failed ? "failed" : argv[0]);
    if (failed)
        (void)json_object_set_new(
            state, "failure",
            json_string(member ? PROTOCOL_FAILURE_MEMBER : PROTOCOL_FAILURE_KUBEADM));
    if (argv[1])
        (void)json_object_set_new(state, failed ? "message" : "phase", json_string(argv[1]));
    r = add_node_name(p, argv[0], state, err);
    return r < 0 ? r : json_object_set_new(system, "cluster", state);
}

/* "A,B" as a list. */
static json_t *split(const char *text)
{
    json_t *list = json_array();
    for (size_t n; *text; text += n + (text[n] == ',')) {
        n = strcspn(text, ",");
        (void)json_array_append_new(list, json_stringn(text, n));
    }
    return list;
}

static int hello(struct peer *p, char *argv[], struct protocol_answer *ret, struct err *err)
{
    struct protocol_hello hello = {
        .program = PROTOCOL_NODE,
        .addresses = split(argv[0]),
        .system = json_object(),
    };
    bool speaks = argv[1] && !str_eq(argv[1], "lost");
    int r = speaks ? add_state(p, hello.system, argv + 1, err) : 0;
    if (r == 0)
        r = conversation_hello(&p->conversation, &hello, ret, err);
    protocol_hello_free(&hello);
    return r;
}

static int kubelet(struct peer *p, const char *journalctl, struct protocol_answer *ret,
                   struct err *err)
{
    struct protocol_report report = {0};
    int r = kubelet_report(journalctl, &report);
    if (r == 0)
        r = conversation_report(&p->conversation, &report, ret, err);
    protocol_report_free(&report);
    return r;
}

/* ---- what it does ---- */

static int move_data(struct peer *p, const char *command, struct err *err)
{
    bool save = str_eq(command, "save"), restore = str_eq(command, "restore");
    _autofree_ char *root = str_format("%s/machine", p->folder);
    const struct node node = {.root = root, .clock = &clock_system};
    const struct cluster_tools tools = {.chunk = conversation_chunk, .server = &p->conversation};
    struct cluster_run run = {
        .node = &node, .tools = &tools, .deadline = clock_now(&clock_system) + DEADLINE_MS};
    int r = load_task(p, &run.task, err);
    if (r == 0)
        r = cluster_folder_make(&node, err);
    if (r == 0) {
        r = save ? cluster_save(&run) : restore ? cluster_restore(&run) : cluster_start_again(&run);
        if (r < 0)
            (void)err_set(err, r, "%s: %s", run.state.failure, run.state.message);
    }
    protocol_task_free(&run.task);
    protocol_task_state_free(&run.state);
    return r;
}

static int speak(struct peer *p, char *argv[], struct protocol_answer *ret, struct err *err)
{
    const char *command = argv[4];
    if (str_eq(command, "stage2"))
        return stage2(p, argv[5], ret, err);
    if (str_eq(command, "installed"))
        return report_step(p, PROTOCOL_STEP_INSTALLED, ret, err);
    if (str_eq(command, "released"))
        return report_step(p, PROTOCOL_STEP_RELEASED, ret, err);
    if (str_eq(command, "kubelet"))
        return kubelet(p, argv[6], ret, err);
    return hello(p, argv + 6, ret, err);
}

static bool moves(char *argv[])
{
    return str_eq(argv[4], "save") || str_eq(argv[4], "restore") || str_eq(argv[4], "again");
}

static bool is_usage(int argc, char *argv[])
{
    if (argc < 6)
        return false;
    if (str_eq(argv[4], "hello"))
        return argc >= 7 && argc <= 9;
    if (str_eq(argv[4], "kubelet"))
        return argc == 7;
    return argc == 6 && (str_eq(argv[4], "stage2") || str_eq(argv[4], "installed") ||
                         str_eq(argv[4], "released") || moves(argv));
}

int main(int argc, char *argv[])
{
    struct peer peer = {0};
    struct protocol_answer answer = {0};
    struct err err = ERR_INIT;
    int64_t generation = 0;
    if (!is_usage(argc, argv)) {
        (void)fprintf(stderr, "usage: node-peer SERVER KEY FOLDER "
                              "stage2|installed|released|hello|kubelet|save|restore|again ...\n");
        return 2;
    }
    if (!str_eq(argv[4], "stage2") && str_parse_i64(argv[5], 1, INT32_MAX, &generation) < 0)
        return 2;
    int r = trust_init();
    if (r == 0)
        r = open_peer(&peer, argv, (unsigned)generation, &err);
    if (r == 0 && moves(argv)) {
        r = move_data(&peer, argv[4], &err);
    } else if (r == 0) {
        r = speak(&peer, argv, &answer, &err);
        if (r == 0)
            r = show(&peer, &answer, &err);
    }
    protocol_answer_free(&answer);
    close_peer(&peer);
    return r < 0 ? fail(&err) : 0;
}
