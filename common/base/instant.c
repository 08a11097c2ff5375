#include "base/instant.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/ucal.h>

#define SECOND_MS    1000
#define DAY_MS       86400000LL
#define ZONE_MAX     63 /* bytes of a zone's name; the longest of IANA's has 32 */
#define CACHE_ZONES  8  /* opened calendars per thread */
#define YEAR_MIN     1900
#define YEAR_MAX     2200
#define FRACTION_MAX 9 /* digits; those beyond milliseconds are dropped */

/* --- The proleptic Gregorian calendar in UTC -------------------------------------------------- */

static bool instant_in_bounds(int64_t instant)
{
    return instant >= INSTANT_MIN && instant <= INSTANT_MAX;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool civil_is_valid(struct civil c)
{
    return c.year >= YEAR_MIN && c.year <= YEAR_MAX && c.month >= 1 && c.month <= 12 &&
           c.day >= 1 && c.day <= days_of_month(c.year, c.month) && c.hour >= 0 && c.hour <= 23 &&
           c.minute >= 0 && c.minute <= 59 && c.second >= 0 && c.second <= 59;
}

/* Days since 1970-01-01, counted in years that begin in March, so that a leap day is a year's last.
 */
static int64_t civil_days(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t days_before_month = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
    int64_t days_since_march_0 = 365 * y + y / 4 - y / 100 + y / 400 + days_before_month + day - 1;
    return days_since_march_0 - 719468; /* 0000-03-01 to 1970-01-01 */
}

static int64_t utc_from_civil(struct civil c)
{
    int64_t seconds = c.hour * 3600 + c.minute * 60 + c.second;
    return civil_days(c.year, c.month, c.day) * DAY_MS + seconds * SECOND_MS;
}

/* The instant is in bounds. */
static struct civil utc_to_civil(int64_t instant)
{
    int64_t days = instant / DAY_MS;
    int64_t rest = instant % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    int64_t since = days + 719468; /* days since 0000-03-01; positive within the bounds */
    int64_t era = since / 146097;
    int64_t day_of_era = since % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    int seconds = (int)(rest / SECOND_MS);
    return (struct civil){
        .year = (int)(era * 400 + year_of_era) + (month <= 2 ? 1 : 0),
        .month = month,
        .day = (int)(day_of_year - (153 * from_march + 2) / 5) + 1,
        .hour = seconds / 3600,
        .minute = seconds / 60 % 60,
        .second = seconds % 60,
    };
}

/* --- RFC 3339 --------------------------------------------------------------------------------- */

/* What is left to read. */
struct cursor {
    const char *at;
    size_t left;
};

static bool take_char(struct cursor *cursor, char wanted)
{
    if (cursor->left == 0 || *cursor->at != wanted)
        return false;
    cursor->at++;
    cursor->left--;
    return true;
}

/* Exactly so many digits. */
static bool take_digits(struct cursor *cursor, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (cursor->left == 0 || *cursor->at < '0' || *cursor->at > '9')
            return false;
        *value = *value * 10 + (*cursor->at - '0');
        cursor->at++;
        cursor->left--;
    }
    return true;
}

/* ".123": to milliseconds; nothing there is 0. */
static bool take_fraction(struct cursor *cursor, int *ms)
{
    int digit, digits = 0;
    *ms = 0;
    if (!take_char(cursor, '.'))
        return true;
    while (digits <= FRACTION_MAX && take_digits(cursor, 1, &digit)) {
        if (digits < 3)
            *ms = *ms * 10 + digit;
        digits++;
    }
    for (int i = digits; i < 3; i++)
        *ms *= 10;
    return digits >= 1 && digits <= FRACTION_MAX;
}

static bool take_offset(struct cursor *cursor, int *minutes)
{
    int hour, minute;
    *minutes = 0;
    if (take_char(cursor, 'Z') || take_char(cursor, 'z'))
        return true;
    bool west = take_char(cursor, '-');
    if (!west && !take_char(cursor, '+'))
        return false;
    if (!take_digits(cursor, 2, &hour) || !take_char(cursor, ':') ||
        !take_digits(cursor, 2, &minute))
        return false;
    *minutes = (hour * 60 + minute) * (west ? -1 : 1);
    return hour <= 23 && minute <= 59;
}

bool instant_parse(struct text rfc3339, int64_t *instant)
{
    struct cursor cursor = {rfc3339.at, rfc3339.length};
    struct civil c = {0};
    int ms, minutes;
    bool read = take_digits(&cursor, 4, &c.year) && take_char(&cursor, '-') &&
                take_digits(&cursor, 2, &c.month) && take_char(&cursor, '-') &&
                take_digits(&cursor, 2, &c.day) &&
                (take_char(&cursor, 'T') || take_char(&cursor, 't')) &&
                take_digits(&cursor, 2, &c.hour) && take_char(&cursor, ':') &&
                take_digits(&cursor, 2, &c.minute) && take_char(&cursor, ':') &&
                take_digits(&cursor, 2, &c.second) && take_fraction(&cursor, &ms) &&
                take_offset(&cursor, &minutes) && cursor.left == 0;
    if (!read || !civil_is_valid(c))
        return false;
    int64_t parsed = utc_from_civil(c) + ms - minutes * 60LL * SECOND_MS;
    if (!instant_in_bounds(parsed))
        return false;
    *instant = parsed;
    return true;
}

/* So many digits, leading zeros included. */
static char *put_digits(char *out, int value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

static char *put_date(char *out, struct civil c, char between)
{
    out = put_digits(out, c.year, 4);
    *out++ = '-';
    out = put_digits(out, c.month, 2);
    *out++ = '-';
    out = put_digits(out, c.day, 2);
    *out++ = between;
    out = put_digits(out, c.hour, 2);
    *out++ = ':';
    return put_digits(out, c.minute, 2);
}

static const char *put_nothing(char *buffer)
{
    buffer[0] = '-';
    buffer[1] = '\0';
    return buffer;
}

const char *instant_format(int64_t instant, char *buffer)
{
    if (!instant_in_bounds(instant))
        return put_nothing(buffer);
    struct civil c = utc_to_civil(instant);
    char *out = put_date(buffer, c, 'T');
    *out++ = ':';
    out = put_digits(out, c.second, 2);
    *out++ = '.';
    out = put_digits(out, (int)((instant - INSTANT_MIN) % SECOND_MS), 3);
    *out++ = 'Z';
    *out = '\0';
    return buffer;
}

const char *instant_format_local(int64_t instant, struct text zone, char *buffer)
{
    struct civil c;
    if (!instant_to_civil(zone, instant, &c))
        return put_nothing(buffer);
    *put_date(buffer, c, ' ') = '\0';
    return buffer;
}

/* --- Zones ------------------------------------------------------------------------------------ */

/* Opening a calendar costs ICU far more than using it, and a calendar is not to be shared between
 * threads: each thread keeps the few it used last, replaced in turn. */
struct cached_zone {
    char name[ZONE_MAX + 1];
    size_t name_length;
    UCalendar *calendar;
};
struct cache {
    struct cached_zone zones[CACHE_ZONES];
    size_t next;
};

static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static void out_of_memory(void)
{
    fputs("out of memory\n", stderr);
    abort();
}

static void cache_free(void *memory)
{
    struct cache *cache = memory;
    for (size_t i = 0; i < CACHE_ZONES; i++)
        if (cache->zones[i].calendar != NULL)
            ucal_close(cache->zones[i].calendar);
    free(cache);
}

static void cache_key_create(void)
{
    if (pthread_key_create(&cache_key, cache_free) != 0)
        out_of_memory();
}

static struct cache *cache_of_thread(void)
{
    pthread_once(&cache_once, cache_key_create);
    struct cache *cache = pthread_getspecific(cache_key);
    if (cache == NULL) {
        cache = calloc(1, sizeof *cache);
        if (cache == NULL || pthread_setspecific(cache_key, cache) != 0)
            out_of_memory();
    }
    return cache;
}

/* A zone's name as ICU wants it; its length, or 0 when no zone can be called so. */
static int32_t zone_name(struct text zone, UChar name[ZONE_MAX + 1])
{
    if (zone.length > ZONE_MAX)
        return 0;
    for (size_t i = 0; i < zone.length; i++) {
        if (zone.at[i] <= ' ' || zone.at[i] > '~')
            return 0;
        name[i] = (UChar)zone.at[i];
    }
    name[zone.length] = 0;
    return (int32_t)zone.length;
}

/* NULL: no such zone. */
static UCalendar *calendar_open(struct text zone)
{
    UChar name[ZONE_MAX + 1], canonical[ZONE_MAX + 1];
    UErrorCode error = U_ZERO_ERROR;
    UBool is_system = 0; /* not a custom one as "GMT+8" */
    int32_t length = zone_name(zone, name);
    if (length == 0)
        return NULL;
    ucal_getCanonicalTimeZoneID(name, length, canonical, ZONE_MAX + 1, &is_system, &error);
    if (U_FAILURE(error) || !is_system)
        return NULL;
    UCalendar *calendar = ucal_open(name, length, "en", UCAL_GREGORIAN, &error);
    if (U_FAILURE(error) || calendar == NULL)
        out_of_memory(); /* the zone is known, so nothing else can be missing */
    ucal_setAttribute(calendar, UCAL_REPEATED_WALL_TIME, UCAL_WALLTIME_FIRST);
    /* "Last": read with the offset before the gap, which moves it forward by the gap. */
    ucal_setAttribute(calendar, UCAL_SKIPPED_WALL_TIME, UCAL_WALLTIME_LAST);
    return calendar;
}

static UCalendar *calendar_of(struct text zone)
{
    struct cache *cache = cache_of_thread();
    for (size_t i = 0; i < CACHE_ZONES; i++) {
        const struct cached_zone *cached = &cache->zones[i];
        if (cached->calendar != NULL &&
            text_equal(zone, (struct text){cached->name, cached->name_length}))
            return cached->calendar;
    }
    UCalendar *calendar = calendar_open(zone);
    if (calendar == NULL)
        return NULL;
    struct cached_zone *slot = &cache->zones[cache->next];
    cache->next = (cache->next + 1) % CACHE_ZONES;
    if (slot->calendar != NULL)
        ucal_close(slot->calendar);
    memcpy(slot->name, zone.at, zone.length);
    slot->name_length = zone.length;
    slot->calendar = calendar;
    return calendar;
}

bool instant_zone_known(struct text zone)
{
    return calendar_of(zone) != NULL;
}

bool instant_from_civil(struct text zone, struct civil civil, int64_t *instant)
{
    UErrorCode error = U_ZERO_ERROR;
    if (!civil_is_valid(civil))
        return false;
    UCalendar *calendar = calendar_of(zone);
    if (calendar == NULL)
        return false;
    ucal_clear(calendar); /* of milliseconds, too */
    ucal_setDateTime(calendar, civil.year, civil.month - 1, civil.day, civil.hour, civil.minute,
                     civil.second, &error);
    int64_t found = (int64_t)ucal_getMillis(calendar, &error);
    assert(U_SUCCESS(error));
    if (!instant_in_bounds(found))
        return false;
    *instant = found;
    return true;
}

bool instant_to_civil(struct text zone, int64_t instant, struct civil *civil)
{
    UErrorCode error = U_ZERO_ERROR;
    if (!instant_in_bounds(instant))
        return false;
    UCalendar *calendar = calendar_of(zone);
    if (calendar == NULL)
        return false;
    ucal_setMillis(calendar, (UDate)instant, &error);
    *civil = (struct civil){
        .year = ucal_get(calendar, UCAL_YEAR, &error),
        .month = ucal_get(calendar, UCAL_MONTH, &error) + 1,
        .day = ucal_get(calendar, UCAL_DATE, &error),
        .hour = ucal_get(calendar, UCAL_HOUR_OF_DAY, &error),
        .minute = ucal_get(calendar, UCAL_MINUTE, &error),
        .second = ucal_get(calendar, UCAL_SECOND, &error),
    };
    assert(U_SUCCESS(error));
    return true;
}

/* --- Quarters --------------------------------------------------------------------------------- */

int32_t instant_quarter(struct text zone, int64_t instant)
{
    struct civil c;
    if (!instant_to_civil(zone, instant, &c))
        return -1;
    return c.year * 4 + (c.month - 1) / 3;
}

const char *quarter_format(int32_t quarter, char *buffer)
{
    if (quarter < 0 || quarter / 4 > 9999)
        return put_nothing(buffer);
    char *out = put_digits(buffer, quarter / 4, 4);
    *out++ = 'Q';
    *out++ = (char)('1' + quarter % 4);
    *out = '\0';
    return buffer;
}

int32_t quarter_parse(struct text t)
{
    struct cursor cursor = {t.at, t.length};
    int year, quarter;
    bool read = take_digits(&cursor, 4, &year) && take_char(&cursor, 'Q') &&
                take_digits(&cursor, 1, &quarter) && cursor.left == 0;
    if (!read || quarter < 1 || quarter > 4)
        return -1;
    return year * 4 + quarter - 1;
}
