/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slipway-agent: the first process of stage2. Under the name "modprobe" it loads a module that the
 * kernel itself asks for.
 */
#include <string.h>

#include "agent/console.h"
#include "agent/modules.h"
#include "agent/mounts.h"
#include "agent/supervisor.h"
#include "agent/worker.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

static bool is_modprobe(const char *program)
{
    const char *slash = strrchr(program, '/');
    return str_eq(slash ? slash + 1 : program, "modprobe");
}

static bool wants_debug(void)
{
    _autofree_ char *text = NULL;
    return file_read("/proc/cmdline", 1 << 16, &text, NULL, NULL) == 0 &&
           strstr(text, "slipway.debug") != NULL;
}

int main(int argc, char **argv)
{
    if (argc > 0 && is_modprobe(argv[0]))
        return modules_modprobe_main(argc, argv);
    if (getpid() != 1) {
        (void)fprintf(stderr, "slipway-agent is the first process of stage2: it does nothing in a "
                              "running system\n");
        return 2;
    }
    struct console console;
    (void)!mounts_basic();
    log_init(LOG_LEVEL_INFO, LOG_STYLE_KERNEL);
    console_open(&console, wants_debug());
    supervise(&console, worker_run, NULL);
}
