#include <linux/fs.h>
#include <sys/ioctl.h>

// Variadic in C. 0: `to` shares the blocks of `from` now; -1: this file system cannot.
static inline int concord_share_blocks(int to, int from) { return ioctl(to, FICLONE, from); }
