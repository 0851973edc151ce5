/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the server's configuration file: accepted, or refused with a text. */
#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/file.h"
#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autofd_ int fd = memfd_create("server.yaml", MFD_CLOEXEC);
    char path[32];
    struct server_config config = {0};
    struct err err = ERR_INIT;
    if (fd < 0 || fd_write_full(fd, data, size) < 0)
        return 0;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (server_config_load(path, true, &config, &err) < 0)
        assert(err.text[0]);
    else
        assert(config.state_dir && config.http.port > 0 && config.http.port <= 65535);
    server_config_free(&config);
    return 0;
}
