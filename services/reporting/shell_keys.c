/* key_list: what operators see of the keys. */
#include "runtime/clock.h"
#include "services/reporting/shell.h"

#define KEYS_ROLE_ANY (-1)

/* Which keys are asked for. */
struct key_wish {
    struct text district; /* empty: any */
    struct text organisation;
    int role;
    enum key_state state;
    int64_t now;
};

static bool is_wished(const struct key_wish *wish, const struct key *key)
{
    return (wish->district.length == 0 || text_equal(key->district, wish->district)) &&
           (wish->organisation.length == 0 || text_equal(key->organisation, wish->organisation)) &&
           (wish->role == KEYS_ROLE_ANY || (int)key->role == wish->role) &&
           (wish->state == KEY_none || key_state_at(key, wish->now) == wish->state);
}

/* False: the refusal says why. An operator of a district sees that one only. */
static bool wish_read(const struct asking *asking, struct key_wish *wish, struct refusal *refusal)
{
    const struct key_list *asked = asking->inquiry->query.body;
    const struct caller *caller = &asking->inquiry->caller;
    if (caller->role != ROLE_operator) {
        *refusal = refusal_of(REFUSAL_forbidden, NULL);
        return false;
    }
    if (caller->district.length > 0 && asked->district.length > 0 &&
        !text_equal(caller->district, asked->district)) {
        *refusal = refusal_of(REFUSAL_other_district, "district");
        return false;
    }
    *wish = (struct key_wish){
        .district = caller->district.length > 0 ? caller->district : asked->district,
        .organisation = asked->organisation,
        .role = asked->role.length == 0 ? KEYS_ROLE_ANY : words_find(&words_role, asked->role),
        .state = (enum key_state)asked->state,
        .now = clock_now_ms(),
    };
    if (asked->role.length == 0 || wish->role >= 0)
        return true;
    *refusal = refusal_of(REFUSAL_unknown_word, "role");
    return false;
}

static void pack_time_known(struct pack *pack, const char *key, int64_t time)
{
    if (time != 0)
        pack_int(pack, key, time);
}

static void pack_key(struct asking *asking, const struct key *key, int64_t now)
{
    struct pack *pack = asking->pack;
    int state = (int)key_state_at(key, now);
    const struct organisation *there =
        directory_organisation(asking->directory, key->district, key->organisation);
    pack_map(pack, NULL);
    pack_text(pack, "public_key", key->public_key);
    pack_text_given(pack, "district", key->district);
    pack_text_given(pack, "organisation", key->organisation);
    if (there != NULL) {
        pack_text(pack, "organisation_zh", there->name_zh);
        pack_text(pack, "organisation_en",
                  there->name_en.length > 0 ? there->name_en : there->name_zh);
    }
    pack_string(pack, "role", words_name(&words_role, (int)key->role));
    pack_text_given(pack, "name", key->name);
    pack_string(pack, "state", words_name(&words_key_state, state));
    pack_string(pack, "state_zh", words_key_state.zh[state]);
    pack_string(pack, "state_en", words_key_state.en[state]);
    pack_time_known(pack, "registered", key->registered);
    pack_time_known(pack, "rotated", key->rotated);
    pack_time_known(pack, "expires", key->expires);
    pack_text_given(pack, "replaces", key->replaces);
    pack_end(pack);
}

enum records_outcome answer_key_list(struct asking *asking)
{
    const struct key_list *asked = asking->inquiry->query.body;
    struct key_wish wish;
    struct refusal refusal;
    if (!wish_read(asking, &wish, &refusal))
        return asking_refuse(asking, refusal);
    size_t total = directory_keys(asking->directory, NULL, 0);
    const struct key **keys = arena_array(asking->arena, total + 1, sizeof *keys);
    directory_keys(asking->directory, keys, total);
    size_t at = 0, shown = 0;
    if (asked->after.length > 0) {
        while (at < total && !text_equal(keys[at]->public_key, asked->after))
            at++;
        if (at == total)
            return asking_refuse(asking, refusal_of(REFUSAL_unknown_key, "after"));
        at++;
    }
    pack_map(asking->pack, NULL);
    pack_list(asking->pack, "keys");
    struct text last = {"", 0};
    for (; at < total && shown < (size_t)asked->limit; at++) {
        if (!is_wished(&wish, keys[at]))
            continue;
        pack_key(asking, keys[at], wish.now);
        last = keys[at]->public_key;
        shown++;
    }
    pack_end(asking->pack);
    if (shown == (size_t)asked->limit)
        pack_text(asking->pack, "next", last);
    pack_end(asking->pack);
    return asking_done(asking);
}
