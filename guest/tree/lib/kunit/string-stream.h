#ifndef _KUNIT_STRING_STREAM_H
#define _KUNIT_STRING_STREAM_H

#include <kunit/test.h>
#include <linux/args.h>
#include <stdarg.h>

struct string_stream_fragment {
	struct list_head node;
	char *fragment;
};

/* A text that grows by pieces. length: of all. append_newlines: each piece ends a line. */
struct string_stream {
	size_t length;
	struct list_head fragments;
	struct kunit *test;	/* who frees the texts that were got; NULL: the caller */
	gfp_t gfp;
	bool append_newlines;
};

/* alloc_string_stream(gfp), to be destroyed; that of earlier kernels, (test, gfp), goes with the test. */
extern struct string_stream *__alloc_string_stream_1(gfp_t gfp);
extern struct string_stream *__alloc_string_stream_2(struct kunit *test, gfp_t gfp);
#define alloc_string_stream(...)	CONCATENATE(__alloc_string_stream_, COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
extern void string_stream_destroy(struct string_stream *stream);
extern struct string_stream *kunit_alloc_string_stream(struct kunit *test, gfp_t gfp);
extern void kunit_free_string_stream(struct kunit *test, struct string_stream *stream);

/* 0 or -ENOMEM. */
extern int string_stream_add(struct string_stream *stream, const char *fmt, ...) __printf(2, 3);
extern int string_stream_vadd(struct string_stream *stream, const char *fmt, va_list args);
extern int string_stream_append(struct string_stream *stream, struct string_stream *other);
extern void string_stream_clear(struct string_stream *stream);
/* All of it, in memory of its own; NULL without any. */
extern char *string_stream_get_string(struct string_stream *stream);

static inline bool string_stream_is_empty(struct string_stream *stream)
{
	return list_empty(&stream->fragments);
}

static inline void string_stream_set_append_newlines(struct string_stream *stream, bool append_newlines)
{
	stream->append_newlines = append_newlines;
}

#endif
