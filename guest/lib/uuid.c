#include <linux/ctype.h>
#include <linux/random.h>
#include <linux/uuid.h>
#include "lib.h"

LIB bool uuid_is_valid(const char *text)
{
	int i;

	for (i = 0; i < UUID_STRING_LEN; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' : !isxdigit(text[i]))
			return false;
	return true;
}

/* The bytes as they are written, 0 or -EINVAL. */
LIB int uuid_parse(const char *text, uuid_t *id)
{
	int i;

	if (!uuid_is_valid(text))
		return -EINVAL;
	for (i = 0; i < UUID_SIZE; i++, text += 2) {
		text += *text == '-';
		hex2bin(&id->b[i], text, 1);
	}
	return 0;
}

LIB int guid_parse(const char *text, guid_t *id)
{
	uuid_t uuid;
	int error = uuid_parse(text, &uuid);
	const u8 *b = uuid.b;

	if (!error)
		*id = GUID_INIT(b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3], b[4] << 8 | b[5], b[6] << 8 | b[7],
				b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return error;
}

/* Version 4 of variant DCE 1.1. */
LIB void generate_random_uuid(unsigned char bytes[UUID_SIZE])
{
	get_random_bytes(bytes, UUID_SIZE);
	bytes[6] = (bytes[6] & 0x0f) | 0x40;
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
}

LIB void generate_random_guid(unsigned char bytes[UUID_SIZE])
{
	get_random_bytes(bytes, UUID_SIZE);
	bytes[7] = (bytes[7] & 0x0f) | 0x40;
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
}

LIB void uuid_gen(uuid_t *id)
{
	generate_random_uuid(id->b);
}

LIB void guid_gen(guid_t *id)
{
	generate_random_guid(id->b);
}
