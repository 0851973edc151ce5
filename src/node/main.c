/* SPDX-License-Identifier: Apache-2.0 */
/* slipway-node: makes an installed machine what Slipway says it shall be, and reports it. */
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "image/efi-boot.h"
#include "node/cluster-task.h"
#include "node/conversation.h"
#include "node/daemon.h"
#include "node/first-boot.h"
#include "node/grow.h"
#include "node/host-namespace.h"
#include "node/post.h"
#include "node/show-status.h"
#include "node/units.h"
#include "node/up.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_CONFIGURED = 3 };

struct arguments {
    struct node node;
    const char *seed; /* NULL: look for it */
    bool force, host, json;
};

static const char help_text[] =
    "Usage: slipway-node COMMAND [OPTIONS]\n"
    "\n"
    "Runs on a machine that Slipway installed: configures it at its first boot and reports it to "
    "the\n"
    "server. systemd starts all of this; people need only status. Without a server, up makes any\n"
    "prepared host a node.\n"
    "\n"
    "Commands:\n"
    "  status       Show what first boot did, and to which server this machine belongs\n"
    "  first-boot   Apply the seed partition (CIDATA), once for each installation\n"
    "  grow         Enlarge the root partition and its file system to what is free behind it\n"
    "  run          Run the machine's commands, report to the server, and stay\n"
    "  report       As run, but end when the server has answered\n"
    "  cluster-task Do what the server told this machine to do in its cluster; run starts it\n"
    "  up           Make this host a node without a server; see slipway-node up --help\n"
    "  reset        Take this machine out of its cluster: kubeadm reset, and what that leaves\n"
    "\n"
    "Options:\n"
    "  --root DIR     Configure the system below DIR instead of the running one\n"
    "  --seed PATH    Read this FAT partition or file instead of looking for the label CIDATA\n"
    "  --force        first-boot: do it again; reset: do not ask\n"
    "  --host         reset: work in the mount namespace of process 1, see slipway-node up --help\n"
    "  -o, --output json\n"
    "                 status: print JSON\n"
    "  -v, --verbose  Say more\n"
    "  -h, --help     Show this text\n"
    "  --version      Show the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 (status) first boot is not finished.\n";

static int failed(const struct err *err)
{
    log_error("%s", err_text(err));
    return EXIT_FAILED;
}

static int run_first_boot(const struct arguments *a)
{
    static const char *const results[] = {
        [FIRST_BOOT_DONE] = "First boot is done",
        [FIRST_BOOT_BEFORE] = "First boot was done before",
        [FIRST_BOOT_NO_SEED] = "The seed has nothing for slipway-node",
    };
    _autosource_ struct seed_source source = SEED_SOURCE_INIT;
    struct err err = ERR_INIT;
    enum first_boot_result result = FIRST_BOOT_DONE;
    int64_t start = clock_now(a->node.clock);
    const char *root = a->node.root[0] ? a->node.root : "/";
    int r = a->seed ? seed_source_open(a->seed, &source, &err)
                    : seed_source_find(root, "/sys", "/dev", &source, &err);
    if (r == -ENOENT && !a->seed) {
        log_info("Nothing to do: %s.", err_text(&err));
        return 0;
    }
    if (r == 0)
        r = first_boot(&a->node, &source, a->force, &result, &err);
    if (r < 0)
        return failed(&err);
    log_info("%s (%s, %lld ms).", results[result], source.path,
             (long long)(clock_now(a->node.clock) - start));
    return 0;
}

static int run_grow(const struct arguments *a)
{
    struct grow_result result = {0};
    struct err err = ERR_INIT;
    if (grow_root(a->node.root[0] ? a->node.root : "/", "/sys", "/dev", &result, &err) < 0)
        return failed(&err);
    if (result.skipped)
        log_info("The root file system stays as it is: %s.", result.skipped);
    else if (result.file_system)
        log_info("The root file system grew from %llu to %llu MiB.",
                 (unsigned long long)(result.before >> 20),
                 (unsigned long long)(result.after >> 20));
    return 0;
}

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
    (void)signal;
    stopped = 1;
}

/* kubeadm is told, and what it leaves is written down, before this process ends. */
static struct cluster_tools cluster_tools(const struct arguments *a)
{
    bool live = node_is_live(&a->node);
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL); /* by hand: the connection was lost */
    return (struct cluster_tools){
        .journalctl = live ? "journalctl" : NULL,
        .systemctl = live ? "systemctl" : NULL,
        .podnet = live ? "/usr/bin/slipway-podnet" : NULL,
        .runtime_ms = CLUSTER_RUNTIME_MS,
        .resume_ms = CLUSTER_RESUME_MS,
        .cancel = &stopped,
    };
}

/* The server, for tasks that save or restore. -ENOENT: this machine has none. */
static int open_server(const struct node *node, struct post **ret_post, struct conversation *ret,
                       struct err *err)
{
    _autoidentity_ struct provision_identity identity = {0};
    int r = node_load_identity(node, &identity, err);
    if (r == 0)
        r = post_new(identity.server, ret_post, err);
    const struct node_transport transport = {post_send, *ret_post};
    return r < 0 ? r : conversation_init(ret, &identity, 0, &transport, &rng_system, err);
}

static int run_cluster_task(const struct arguments *a)
{
    struct err err = ERR_INIT;
    _cleanup_(post_freep) struct post *post = NULL;
    _cleanup_(conversation_free) struct conversation server = {0};
    struct cluster_tools tools = cluster_tools(a);
    int r = open_server(&a->node, &post, &server, &err);
    if (r < 0 && r != -ENOENT)
        return failed(&err);
    if (r == 0) {
        tools.chunk = conversation_chunk;
        tools.server = &server;
    }
    err = ERR_INIT;
    return cluster_task_run(&a->node, &tools, &err) < 0 ? failed(&err) : 0;
}

static bool confirmed(void)
{
    char line[16];
    fputs("This takes the machine out of its cluster and deletes what it has of it. Go on? [y/N] ",
          stdout);
    (void)fflush(stdout);
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int run_reset(const struct arguments *a)
{
    struct err err = ERR_INIT;
    struct cluster_tools tools = cluster_tools(a);
    if (!a->force && !confirmed()) {
        log_error("Nothing was done.");
        return EXIT_FAILED;
    }
    if (a->host && host_namespace_enter(&err) < 0)
        return failed(&err);
    if (cluster_reset_by_hand(&a->node, &tools, &err) < 0)
        return failed(&err);
    if (up_forget(&a->node, &err) < 0)
        return failed(&err);
    log_info("This machine is in no cluster any more.");
    return 0;
}

static int start_cluster_task(void *data, struct err *err)
{
    (void)data;
    return units_start("slipway-node-cluster.service", err);
}

/* Where firmware tries the disk first, it is told to try the network once. */
static int restart_machine(void *data, struct err *err)
{
    static const struct efi_boot_options options = {.efivars = "/sys/firmware/efi/efivars"};
    struct err why = ERR_INIT;
    (void)data;
    int r = access(options.efivars, F_OK) == 0 ? efi_boot_network_next(&options, &why) : 0;
    if (r < 0)
        log_info("The next start is as the firmware likes: %s.", err_text(&why));
    return units_restart_machine(err);
}

static int run_daemon(const struct arguments *a, bool once)
{
    struct err err = ERR_INIT;
    _autoidentity_ struct provision_identity identity = {0};
    _cleanup_(post_freep) struct post *post = NULL;
    int r = node_load_identity(&a->node, &identity, &err);
    if (r < 0 && r != -ENOENT)
        return failed(&err);
    if (r == 0)
        r = post_new(identity.server, &post, &err);
    else
        log_info("This machine has no identity: nothing will be reported.");
    struct node_daemon_options options = {.sys = "/sys",
                                          .rng = &rng_system,
                                          .once = once,
                                          .transport = {post_send, post},
                                          .start_task = once ? NULL : start_cluster_task,
                                          .restart = once ? NULL : restart_machine,
                                          .journalctl =
                                              node_is_live(&a->node) ? "journalctl" : NULL};
    if (r == 0 || r == -ENOENT)
        r = node_daemon_run(&a->node, &options, &err);
    return r < 0 ? failed(&err) : 0;
}

static int run_status(const struct arguments *a)
{
    struct err err = ERR_INIT;
    bool configured = false;
    if (show_status(&a->node, a->json, &configured, &err) < 0)
        return failed(&err);
    return configured ? 0 : EXIT_NOT_CONFIGURED;
}

/* It has options of its own. */
static int run_up(int argc, char **argv)
{
    static const struct arguments none = {.node = {.root = "", .clock = &clock_system}};
    struct cluster_tools tools = cluster_tools(&none);
    return up_main(argc, argv, &tools);
}

static int run_command(const char *command, const struct arguments *a)
{
    if (str_eq(command, "status"))
        return run_status(a);
    if (str_eq(command, "first-boot"))
        return run_first_boot(a);
    if (str_eq(command, "grow"))
        return run_grow(a);
    if (str_eq(command, "cluster-task"))
        return run_cluster_task(a);
    if (str_eq(command, "reset"))
        return run_reset(a);
    if (str_eq(command, "run") || str_eq(command, "report"))
        return run_daemon(a, command[1] == 'e');
    log_error("There is no command \"%s\". Try: slipway-node --help", command);
    return EXIT_USAGE;
}

static int usage(const char *problem)
{
    log_error("%s. Try: slipway-node --help", problem);
    return EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int take_option(int option, struct arguments *a)
{
    switch (option) {
    case 'r':
        a->node.root = str_eq(optarg, "/") ? "" : optarg;
        return str_ends_with(a->node.root, "/") ? usage("--root ends without a slash") : -1;
    case 's':
        a->seed = optarg;
        return -1;
    case 'f':
        a->force = true;
        return -1;
    case 'H':
        a->host = true;
        return -1;
    case 'o':
        a->json = true;
        return str_eq(optarg, "json") ? -1 : usage("--output knows only json");
    case 'v':
        log_init(LOG_LEVEL_DEBUG, LOG_STYLE_AUTO);
        return -1;
    case 'h':
        return fputs(help_text, stdout) < 0 ? EXIT_FAILED : 0;
    case 'V':
        return puts("slipway-node " SLIPWAY_VERSION) < 0 ? EXIT_FAILED : 0;
    default:
        return usage("unknown option or a value is missing");
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"root", required_argument, NULL, 'r'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"force", no_argument, NULL, 'f'},
                                            {"host", no_argument, NULL, 'H'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {0}};
    struct arguments a = {.node = {.root = "", .clock = &clock_system}};
    log_init(LOG_LEVEL_INFO, LOG_STYLE_AUTO);
    (void)signal(SIGPIPE,
                 SIG_IGN); /* a child that ends before it has read all is an error of its own */
    if (argc > 1 && str_eq(argv[1], "up") && trust_init() == 0)
        return run_up(argc - 1, argv + 1);
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "o:hv", options, NULL)) != -1;) {
        int status = take_option(option, &a);
        if (status >= 0)
            return status;
    }
    if (optind == argc)
        return usage("a command is missing");
    if (optind + 1 < argc)
        return usage("too many arguments");
    if (trust_init() < 0) {
        log_error("libsodium does not start");
        return EXIT_FAILED;
    }
    return run_command(argv[optind], &a);
}
