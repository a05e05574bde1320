#ifndef _LINUX_PARSER_H
#define _LINUX_PARSER_H

#include <linux/types.h>

/* Options of a text: a table of numbers and patterns, where %s, %d, %u, %o and %x stand for arguments. */
struct match_token {
	int token;
	const char *pattern;	/* NULL in the last row, which is for all else */
};
typedef struct match_token match_table_t[];

#define MAX_OPT_ARGS	3

typedef struct {
	char *from;
	char *to;
} substring_t;

extern int match_token(char *text, const struct match_token table[], substring_t args[]);

/* An argument as a number: 0, -EINVAL, -ERANGE, -ENOMEM. */
extern int match_int(substring_t *arg, int *result);
extern int match_uint(substring_t *arg, unsigned int *result);
extern int match_u64(substring_t *arg, u64 *result);
extern int match_octal(substring_t *arg, int *result);
extern int match_hex(substring_t *arg, int *result);

/* As a string: into room that there is (the length that it has), and in memory of its own. */
extern size_t match_strlcpy(char *to, const substring_t *arg, size_t size);
extern void match_strcpy(char *to, const substring_t *arg);
extern char *match_strdup(const substring_t *arg);

/* Of '*' and '?' alone. */
extern bool match_wildcard(const char *pattern, const char *text);

#endif
