/* Texts that grow: as KUnit has them for its own use. */
#include "../tree/lib/kunit/string-stream.h"
#include <kunit/static_stub.h>
#include "lib.h"

LIB struct string_stream *__alloc_string_stream_1(gfp_t gfp)
{
	struct string_stream *stream = kzalloc(sizeof(*stream), gfp);

	if (!stream)
		return ERR_PTR(-ENOMEM);
	stream->gfp = gfp;
	INIT_LIST_HEAD(&stream->fragments);
	return stream;
}

LIB void string_stream_clear(struct string_stream *stream)
{
	struct string_stream_fragment *fragment, *next;

	list_for_each_entry_safe(fragment, next, &stream->fragments, node) {
		list_del(&fragment->node);
		kfree(fragment->fragment);
		kfree(fragment);
	}
	stream->length = 0;
}

LIB void string_stream_destroy(struct string_stream *stream)
{
	KUNIT_STATIC_STUB_REDIRECT(string_stream_destroy, stream);
	if (!stream)
		return;
	string_stream_clear(stream);
	kfree(stream);
}

static void destroy(void *stream)
{
	string_stream_destroy(stream);
}

LIB struct string_stream *kunit_alloc_string_stream(struct kunit *test, gfp_t gfp)
{
	struct string_stream *stream = alloc_string_stream(gfp);

	if (!IS_ERR(stream) && kunit_add_action_or_reset(test, destroy, stream))
		return ERR_PTR(-ENOMEM);
	return stream;
}

LIB struct string_stream *__alloc_string_stream_2(struct kunit *test, gfp_t gfp)
{
	struct string_stream *stream = kunit_alloc_string_stream(test, gfp);

	if (!IS_ERR(stream))
		stream->test = test;
	return stream;
}

LIB void kunit_free_string_stream(struct kunit *test, struct string_stream *stream)
{
	kunit_release_action(test, destroy, stream);
}

LIB int string_stream_vadd(struct string_stream *stream, const char *fmt, va_list args)
{
	struct string_stream_fragment *fragment;
	va_list again;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (!length)
		return 0;
	fragment = kzalloc(sizeof(*fragment), stream->gfp);
	if (!fragment)
		return -ENOMEM;
	fragment->fragment = kmalloc(length + 2, stream->gfp);
	if (!fragment->fragment) {
		kfree(fragment);
		return -ENOMEM;
	}
	vsnprintf(fragment->fragment, length + 1, fmt, args);
	if (stream->append_newlines && fragment->fragment[length - 1] != '\n') {
		fragment->fragment[length++] = '\n';
		fragment->fragment[length] = 0;
	}
	stream->length += length;
	list_add_tail(&fragment->node, &stream->fragments);
	return 0;
}

LIB int string_stream_add(struct string_stream *stream, const char *fmt, ...)
{
	va_list args;
	int error;

	va_start(args, fmt);
	error = string_stream_vadd(stream, fmt, args);
	va_end(args);
	return error;
}

LIB char *string_stream_get_string(struct string_stream *stream)
{
	size_t size = stream->length + 1;
	char *text = stream->test ? kunit_kmalloc(stream->test, size, stream->gfp) : kmalloc(size, stream->gfp);
	struct string_stream_fragment *fragment;

	if (!text)
		return NULL;
	*text = 0;
	size = 0;
	list_for_each_entry(fragment, &stream->fragments, node) {
		strcpy(text + size, fragment->fragment);
		size += strlen(fragment->fragment);
	}
	return text;
}

LIB int string_stream_append(struct string_stream *stream, struct string_stream *other)
{
	char *text = string_stream_get_string(other);
	int error;

	if (!text)
		return -ENOMEM;
	error = string_stream_add(stream, "%s", text);
	if (!other->test)
		kfree(text);
	return error;
}
