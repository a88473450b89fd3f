/* A function written in assembly as a whole: its frame is its own, and it is the same at every level of optimisation. */
#define EB_NAKED static EB_OPAQUE __attribute__((naked))
#define EB_ARGUMENT __attribute__((unused))
#if defined(__clang__)
#pragma clang diagnostic ignored "-Woverlength-strings" /* assembly longer than what ISO C99 asks of a compiler */
#endif
