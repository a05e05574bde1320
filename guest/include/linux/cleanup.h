#ifndef _LINUX_CLEANUP_H
#define _LINUX_CLEANUP_H

/*
 * What is given back at the end of a scope (Linux 6.5 and later). The classes mutex, spinlock, kfree ... are defined
 * beside what they are about. In the expressions of a definition _T is the value, or a pointer to the guard's members.
 */
#include <linux/compiler.h>
#include <linux/err.h>

#ifndef __cleanup
#define __cleanup(function)	__attribute__((cleanup(function)))
#endif

/* Variables: `char *p __free(kfree) = kmalloc(...)`; no_free_ptr(p) takes the value out, so that it stays. */
#define DEFINE_FREE(name, type, release)				\
static inline void __free_##name(void *variable)			\
{									\
	type _T = *(type *)variable;					\
	release;							\
}
#define __free(name)		__cleanup(__free_##name)
#define __get_and_null(p, empty) ({					\
	typeof(p) *__variable = &(p), __value = *__variable;		\
	*__variable = (empty);						\
	__value; })
#define no_free_ptr(p)		__get_and_null(p, NULL)
#define return_ptr(p)		return no_free_ptr(p)
#define retain_and_null_ptr(p)	((void)__get_and_null(p, NULL))

/* Types with a constructor and a destructor: `CLASS(name, variable)(arguments);` */
#define DEFINE_CLASS(name, type, exit, init, init_args...)		\
typedef type class_##name##_t;						\
static inline void class_##name##_destructor(type *variable)		\
{									\
	type _T = *variable;						\
	exit;								\
}									\
static inline type class_##name##_constructor(init_args)		\
{									\
	type made = init;						\
	return made;							\
}
/* name##ext: made in another way. */
#define EXTEND_CLASS(name, ext, init, init_args...)			\
typedef class_##name##_t class_##name##ext##_t;				\
static inline void class_##name##ext##_destructor(class_##name##_t *variable) \
{									\
	class_##name##_destructor(variable);				\
}									\
static inline class_##name##_t class_##name##ext##_constructor(init_args) \
{									\
	class_##name##_t made = init;					\
	return made;							\
}
#define CLASS(name, variable)						\
	class_##name##_t variable __cleanup(class_##name##_destructor) = class_##name##_constructor

/* Guards: classes that hold a lock. lock_ptr: NULL where it could not be taken. */
#define __guard_lock_ptr(name, expression)				\
static inline void *class_##name##_lock_ptr(class_##name##_t *_T)	\
{									\
	void *lock = (void *)(expression);				\
	return IS_ERR(lock) ? NULL : lock;				\
}									\
static inline int class_##name##_lock_err(class_##name##_t *_T)		\
{									\
	void *lock = (void *)(expression);				\
	return IS_ERR(lock) ? PTR_ERR(lock) : lock ? 0 : -EBUSY;	\
}
#define __guard_ptr(name)	class_##name##_lock_ptr

#define DEFINE_GUARD(name, type, lock, unlock)				\
	DEFINE_CLASS(name, type, if (!IS_ERR_OR_NULL(_T)) { unlock; }, ({ lock; _T; }), type _T) \
	__guard_lock_ptr(name, *_T)

/* Try to lock: an expression that is true when it is done; or one whose value is _RET, and a condition. */
#define __guard_tried(lock, ok)	((ok) ? (void *)(lock) : _RET < 0 ? ERR_PTR(_RET) : NULL)
#define __guard_by_count(one, two, macro, ...)	macro
#define __DEFINE_GUARD_COND_1(name, ext, condition)	__DEFINE_GUARD_COND_2(name, ext, (condition) ? 1 : 0, _RET)
#define __DEFINE_GUARD_COND_2(name, ext, condlock, ok)			\
	EXTEND_CLASS(name, ext, ({ int _RET = (condlock); __guard_tried(_T, ok); }), class_##name##_t _T) \
	__guard_lock_ptr(name##ext, *_T)
#define DEFINE_GUARD_COND(name, ext, ...) \
	__guard_by_count(__VA_ARGS__, __DEFINE_GUARD_COND_2, __DEFINE_GUARD_COND_1)(name, ext, __VA_ARGS__)

/* Guards with more members than the lock; with one argument, or none. */
#define __lock_guard(name, type, unlock, members...)			\
typedef struct {							\
	type *lock;							\
	members;							\
} class_##name##_t;							\
static inline void class_##name##_destructor(class_##name##_t *_T)	\
{									\
	if (!IS_ERR_OR_NULL(_T->lock)) { unlock; }			\
}									\
__guard_lock_ptr(name, _T->lock)
#define DEFINE_LOCK_GUARD_1(name, type, take, unlock, members...)	\
__lock_guard(name, type, unlock, members)				\
static inline class_##name##_t class_##name##_constructor(type *lock)	\
{									\
	class_##name##_t made = { .lock = lock }, *_T = &made;		\
	take;								\
	return made;							\
}
#define DEFINE_LOCK_GUARD_0(name, take, unlock, members...)		\
__lock_guard(name, void, unlock, members)				\
static inline class_##name##_t class_##name##_constructor(void)		\
{									\
	class_##name##_t made = { .lock = (void *)1 }, *_T __maybe_unused = &made; \
	take;								\
	return made;							\
}
#define __DEFINE_LOCK_GUARD_1_COND_1(name, ext, condition) \
	__DEFINE_LOCK_GUARD_1_COND_2(name, ext, (condition) ? 1 : 0, _RET)
#define __DEFINE_LOCK_GUARD_1_COND_2(name, ext, condlock, ok)		\
EXTEND_CLASS(name, ext, ({						\
	class_##name##_t __tried = { .lock = l }, *_T = &__tried;	\
	int _RET = (condlock);						\
	_T->lock = __guard_tried(_T->lock, ok);				\
	__tried; }), typeof(((class_##name##_t *)0)->lock) l)		\
__guard_lock_ptr(name##ext, _T->lock)
#define DEFINE_LOCK_GUARD_1_COND(name, ext, ...) \
	__guard_by_count(__VA_ARGS__, __DEFINE_LOCK_GUARD_1_COND_2, __DEFINE_LOCK_GUARD_1_COND_1) \
		(name, ext, __VA_ARGS__)

/* Until the end of the block; for one statement; for one statement, and `fail` where the lock cannot be had. */
#define __guard_name(name, line)	__guard_name_(name, line)
#define __guard_name_(name, line)	name##line
#define guard(name)		CLASS(name, __guard_name(__guard_, __LINE__))
#define scoped_guard(name, args...)					\
	for (CLASS(name, __scope)(args), *__open = &__scope;		\
	     __open && class_##name##_lock_ptr(__open); __open = NULL)
#define scoped_cond_guard(name, fail, args...)				\
	for (CLASS(name, __scope)(args), *__open = &__scope; __open; __open = NULL) \
		if (!class_##name##_lock_ptr(__open)) { fail; } else

/* A guard that may fail, and its error. */
#define ACQUIRE(name, variable)		CLASS(name, variable)
#define ACQUIRE_ERR(name, variable)	class_##name##_lock_err(variable)

#endif
