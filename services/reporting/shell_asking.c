/* What all answers have in common. */
#include "domain/directory_walk.h"
#include "services/reporting/shell.h"

enum records_outcome asking_refuse(struct asking *asking, struct refusal refusal)
{
    asking->inquiry->answer.status = refusal_is_retry(refusal.code) ? ANSWER_RETRY : ANSWER_REFUSED;
    asking->inquiry->answer.refusal = refusal;
    return RECORDS_OK;
}

enum records_outcome asking_done(struct asking *asking)
{
    asking->inquiry->answer.status = ANSWER_OK;
    asking->inquiry->answer.result_body = pack_done(asking->pack);
    return RECORDS_OK;
}

struct params *asking_params(struct asking *asking)
{
    struct params *params = params_new(asking->arena);
    params_text(params, asking->view.district);
    params_text(params, text_of(view_name(asking->view.kind)));
    params_text(params, asking->view.code);
    params_texts(params, asking->view.codes, asking->view.count);
    return params;
}

static void pack_named(struct asking *asking, const char *key, struct text code, struct names names)
{
    pack_text(asking->pack, key, code);
    pack_text(asking->pack, arena_format(asking->arena, "%s_zh", key).at, names.zh);
    pack_text(asking->pack, arena_format(asking->arena, "%s_en", key).at, names.en);
}

struct names asking_organisation(const struct asking *asking, struct text code)
{
    struct text district = asking->inquiry->caller.district;
    return (struct names){directory_shown_name(asking->directory, district, code, true),
                          directory_shown_name(asking->directory, district, code, false)};
}

struct names asking_category(const struct asking *asking, struct text code)
{
    const struct category *there =
        directory_category(asking->directory, asking->inquiry->caller.district, code);
    if (there == NULL)
        return (struct names){code, code};
    return (struct names){there->name_zh,
                          there->name_en.length > 0 ? there->name_en : there->name_zh};
}

void asking_pack_organisation(struct asking *asking, const char *key, struct text code)
{
    if (code.length > 0)
        pack_named(asking, key, code, asking_organisation(asking, code));
}

void asking_pack_category(struct asking *asking, struct text code)
{
    if (code.length > 0)
        pack_named(asking, "category", code, asking_category(asking, code));
}
