#if defined(__clang__)
#define EB_LAYER static __attribute__((noinline, used))
#elif defined(__GNUC__)
#define EB_LAYER static __attribute__((noinline, noclone, used))
#else
#define EB_LAYER static
#endif
#if defined(__GNUC__)
#define EB_ALIGNED __attribute__((aligned(16)))
#define EB_SHARED static __attribute__((noinline))
#define EB_INLINE static inline __attribute__((always_inline))
#else
#define EB_ALIGNED
#define EB_SHARED static
#define EB_INLINE static inline
#endif
