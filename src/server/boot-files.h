/* SPDX-License-Identifier: Apache-2.0 */
/* The files that machines boot from, and TFTP, which hands the first of them out. */
#pragma once

#include "server/private.h"

/*
 * Puts Debian's iPXE programs into the boot folder where they are missing, and says in the log what
 * is not there: without it machines would wait for what never comes. 0 or a negative errno.
 */
int boot_files_prepare(const struct server *server, struct err *err) _must_check_;

/* TFTP on port 69: the boot folder, and a generated autoexec.ipxe. */
int boot_files_serve(struct server *server, struct err *err) _must_check_;
void boot_files_close(struct server *server);
