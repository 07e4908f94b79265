/* Files that are replaced as a whole. */
#pragma once

#include "text.h"

/* Replace `name` in `dir` by way of a temporary file beside it; on a full disk it is written over.
 * Returns 0 or -errno. */
int replace_file(int dir, const char *name, const struct text *content, bool is_durable);
