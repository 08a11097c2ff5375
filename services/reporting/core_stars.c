/* Stars in words: how a squad's quarter came to its stars (product.md §7.5: any rating can be
 * explained). */
#include "domain/rating.h"
#include "services/reporting/core.h"

int64_t mean_milli(int64_t counted, int64_t total)
{
    if (counted == 0)
        return 3000;
    return (2 * 1000 * total + counted) / (2 * counted);
}

static struct text milli_text(int64_t milli, struct arena *arena)
{
    return arena_format(arena, "%lld.%03lld", (long long)(milli / 1000), (long long)(milli % 1000));
}

struct text stars_sentence(const struct star_sums *sums, bool zh, struct arena *arena)
{
    const struct text quarter = sums->quarter;
    if (sums->counted == 0)
        return zh ? arena_format(arena, "%.*s 季度尚无确认评价，未评星。", TEXT_ARG(quarter))
                  : arena_format(arena, "No confirmation in %.*s yet: not rated.",
                                 TEXT_ARG(quarter));
    const struct rating_sums rating = {sums->counted, sums->total, sums->district_counted,
                                       sums->district_total};
    struct text own = milli_text(mean_milli(sums->counted, sums->total), arena);
    struct text whole = milli_text(mean_milli(sums->district_counted, sums->district_total), arena);
    struct text shrunk = milli_text(rating_mean_milli(&rating), arena);
    if (zh)
        return arena_format(arena,
                            "%.*s 季度计入 %lld 次确认评价，平均 %.*s；全区 %lld 次，平均 %.*s；"
                            "按权重 %d 向全区平均收缩得 %.*s，四舍五入为 %d 星。",
                            TEXT_ARG(quarter), (long long)sums->counted, TEXT_ARG(own),
                            (long long)sums->district_counted, TEXT_ARG(whole), RATING_WEIGHT,
                            TEXT_ARG(shrunk), sums->stars);
    return arena_format(
        arena,
        "%.*s: %lld confirmation%s counted, mean %.*s; the whole district %lld, mean "
        "%.*s; shrunk to that mean with weight %d: %.*s, rounded half up to %d star%s.",
        TEXT_ARG(quarter), (long long)sums->counted, sums->counted == 1 ? "" : "s", TEXT_ARG(own),
        (long long)sums->district_counted, TEXT_ARG(whole), RATING_WEIGHT, TEXT_ARG(shrunk),
        sums->stars, sums->stars == 1 ? "" : "s");
}
