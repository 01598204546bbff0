/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* xs:dateTime, both ways.  Years 1970 to 9999 only: nothing in these messages is older, and 0 milliseconds means
 * absent. Seconds of 60 are refused, as the schema type does; 24:00:00 is taken as the next midnight. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/es_codec.h"

#define LAST_MS INT64_C(253402300799999) /* of the year 9999 */

char *es_time_enc(const void *ctx, int64_t utc_ms)
{
	time_t s = (time_t)(utc_ms / 1000);
	int ms = (int)(utc_ms % 1000);
	struct tm tm;
	char *out;

	if (ms < 0) {
		ms += 1000;
		s--;
	}
	OSMO_ASSERT(gmtime_r(&s, &tm));
	out = talloc_asprintf(ctx, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			      tm.tm_hour, tm.tm_min, tm.tm_sec);
	return ms ? talloc_asprintf_append(out, ".%03dZ", ms) : talloc_strdup_append(out, "Z");
}

/* n digits, then the character after (0: anything may follow). */
static int take_num(struct rd *r, unsigned n, char after)
{
	int v = 0;

	while (n--) {
		int c = rd_peek(r);

		if (c < '0' || c > '9') {
			rd_fail(r);
			return 0;
		}
		v = v * 10 + (rd_u8(r) - '0');
	}
	if (after && rd_u8(r) != (uint8_t)after)
		rd_fail(r);
	return v;
}

static int take_fraction_ms(struct rd *r)
{
	int ms = 0, scale = 100, n = 0;

	if (rd_peek(r) != '.')
		return 0;
	rd_u8(r);
	for (; rd_peek(r) >= '0' && rd_peek(r) <= '9'; n++) {
		ms += (rd_u8(r) - '0') * scale;
		scale /= 10;
	}
	if (n == 0)
		rd_fail(r);
	return ms;
}

/* Offset from UTC in seconds. */
static int take_zone(struct rd *r)
{
	int c = rd_peek(r), h, m;

	if (c < 0)
		return 0;
	rd_u8(r);
	if (c == 'Z')
		return 0;
	h = take_num(r, 2, ':');
	m = take_num(r, 2, 0);
	if ((c != '+' && c != '-') || m > 59 || h * 60 + m > 14 * 60)
		rd_fail(r);
	return (h * 60 + m) * (c == '-' ? -60 : 60);
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool fields_ok(const struct tm *tm, int ms)
{
	if (tm->tm_year < 70 || tm->tm_mon < 0 || tm->tm_mon > 11 || tm->tm_mday < 1 ||
	    tm->tm_mday > days_in_month(tm->tm_year + 1900, tm->tm_mon + 1))
		return false;
	if (tm->tm_hour == 24)
		return tm->tm_min == 0 && tm->tm_sec == 0 && ms == 0;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

int es_time_dec(const char *text, int64_t *utc_ms)
{
	struct tm tm = {};
	int64_t at_ms;
	struct rd r;
	int ms, zone_s;

	rd_init(&r, bytes_str(text));
	tm.tm_year = take_num(&r, 4, '-') - 1900;
	tm.tm_mon = take_num(&r, 2, '-') - 1;
	tm.tm_mday = take_num(&r, 2, 'T');
	tm.tm_hour = take_num(&r, 2, ':');
	tm.tm_min = take_num(&r, 2, ':');
	tm.tm_sec = take_num(&r, 2, 0);
	ms = take_fraction_ms(&r);
	zone_s = take_zone(&r);
	if (rd_end(&r) < 0 || !fields_ok(&tm, ms))
		return -EINVAL;
	at_ms = ((int64_t)timegm(&tm) - zone_s) * 1000 + ms;
	/* the offset, and 24:00, lead over the ends: what we wrote then could not be read */
	if (at_ms < 0 || at_ms > LAST_MS)
		return -EINVAL;
	*utc_ms = at_ms;
	return 0;
}
