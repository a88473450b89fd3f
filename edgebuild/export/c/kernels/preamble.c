/* GCC 12 takes some functions that write through their arguments for functions without effect, and leaves the calls
   out; `noipa` keeps it from drawing any conclusion from a function's body, and keeps its symbol. */
#if defined(__GNUC__) && !defined(__clang__)
#define EB_OPAQUE __attribute__((noipa, used))
#elif defined(__clang__)
#define EB_OPAQUE __attribute__((noinline, used))
#else
#define EB_OPAQUE
#endif
#if defined(__GNUC__)
#define EB_ALIGNED __attribute__((aligned(16)))
#define EB_INLINE static inline __attribute__((always_inline, unused))
#else
#define EB_ALIGNED
#define EB_INLINE static inline
#endif
#define EB_LAYER static EB_OPAQUE
#define EB_SHARED static EB_OPAQUE
