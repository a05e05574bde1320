#ifndef _LINUX_LOCKDEP_H
#define _LINUX_LOCKDEP_H

#include <linux/compiler.h>

/* Nobody watches the order of locks. */
struct lock_class_key { };
struct lockdep_map { };

#define lockdep_assert_held(lock)		((void)(lock))
#define lockdep_assert_held_once(lock)		((void)(lock))
#define lockdep_assert_held_read(lock)		((void)(lock))
#define lockdep_assert_held_write(lock)		((void)(lock))
#define lockdep_assert_not_held(lock)		((void)(lock))
#define lockdep_assert_none_held_once()		((void)0)
#define lockdep_assert(condition)		((void)0)
#define lockdep_is_held(lock)			((void)(lock), 1)
#define lockdep_set_class(lock, key)		((void)(lock), (void)(key))
#define lockdep_set_class_and_name(lock, key, name)	((void)(lock), (void)(key), (void)(name))
#define lockdep_set_novalidate_class(lock)	((void)(lock))
#define lockdep_init_map(map, name, key, subclass)	((void)(map), (void)(name), (void)(key))
#define lockdep_register_key(key)		((void)(key))
#define lockdep_unregister_key(key)		((void)(key))
#define lockdep_off()				((void)0)
#define lockdep_on()				((void)0)
#define debug_locks				0
#define STATIC_LOCKDEP_MAP_INIT(name, key)	{ }

#endif
