// How glibc shares out memory among threads.
#include <malloc.h>
