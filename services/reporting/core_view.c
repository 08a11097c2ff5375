#include "services/reporting/core_view.h"

#include "domain/directory_walk.h"

const char *view_name(enum view_kind kind)
{
    switch (kind) {
    case VIEW_all:
        return "all";
    case VIEW_town:
        return "town";
    case VIEW_feed:
        return "feed";
    case VIEW_place:
        return "place";
    case VIEW_squad:
        return "squad";
    }
    return "";
}

bool view_district(const struct caller *caller, struct refusal *refusal)
{
    if (caller->district.length > 0)
        return true;
    *refusal = refusal_of(REFUSAL_forbidden, "district");
    return false;
}

static void view_one(struct view *view, struct text code, struct arena *arena)
{
    struct text *codes = arena_array(arena, 1, sizeof *codes);
    codes[0] = code;
    view->code = code;
    view->codes = codes;
    view->count = 1;
}

/* A village and the sites without an account that it enters for. */
static void view_places(const struct directory *directory, const struct caller *caller,
                        struct arena *arena, struct view *view)
{
    view->kind = VIEW_place;
    struct code_list sites =
        directory_children(directory, caller->district, KIND_site, caller->organisation, arena);
    struct text *codes = arena_array(arena, sites.count + 1, sizeof *codes);
    size_t count = 0;
    codes[count++] = caller->organisation;
    for (size_t i = 0; i < sites.count; i++) {
        struct acting acting;
        struct refusal ignored;
        if (directory_acting(directory, caller->district, caller->organisation,
                             (enum role)caller->role, sites.items[i], &acting, &ignored))
            codes[count++] = sites.items[i];
    }
    view->codes = codes;
    view->count = count;
}

static void view_department(const struct directory *directory, const struct caller *caller,
                            struct arena *arena, struct view *view)
{
    view->kind = VIEW_squad;
    struct code_list squads =
        directory_children(directory, caller->district, KIND_squad, caller->organisation, arena);
    view->codes = squads.items;
    view->count = squads.count;
}

bool view_orders(const struct directory *directory, const struct caller *caller,
                 struct arena *arena, struct view *view, struct refusal *refusal)
{
    if (!view_district(caller, refusal))
        return false;
    *view = (struct view){.district = caller->district, .code = TEXT("")};
    switch ((enum role)caller->role) {
    case ROLE_committee:
    case ROLE_operator:
        view->kind = VIEW_all;
        return true;
    case ROLE_town:
        view->kind = VIEW_town;
        view_one(view, caller->organisation, arena);
        return true;
    case ROLE_feed:
        view->kind = VIEW_feed;
        view_one(view, caller->organisation, arena);
        return true;
    case ROLE_village:
        view_places(directory, caller, arena, view);
        return true;
    case ROLE_site:
        view->kind = VIEW_place;
        view_one(view, caller->organisation, arena);
        return true;
    case ROLE_squad:
        view->kind = VIEW_squad;
        view_one(view, caller->organisation, arena);
        return true;
    case ROLE_department:
        view_department(directory, caller, arena, view);
        return true;
    case ROLE_resident:
    case ROLE_surveyor:
    case ROLE_COUNT:
        break;
    }
    *refusal = refusal_of(REFUSAL_forbidden, NULL);
    return false;
}

static bool view_names(const struct view *view, struct text code)
{
    for (size_t i = 0; i < view->count; i++)
        if (text_equal(view->codes[i], code))
            return true;
    return false;
}

bool view_shows(const struct view *view, const struct order_row *row, bool was_asked)
{
    if (!text_equal(view->district, row->district))
        return false;
    switch (view->kind) {
    case VIEW_all:
        return true;
    case VIEW_town:
        return text_equal(view->code, row->town);
    case VIEW_feed:
        return text_equal(view->code, row->feed);
    case VIEW_place:
        return view_names(view, row->place);
    case VIEW_squad:
        return was_asked || view_names(view, row->squad);
    }
    return false;
}

bool view_check_organisation(const struct directory *directory, const struct view *view,
                             struct text code, const char *field, struct refusal *refusal)
{
    if (code.length == 0 || directory_organisation(directory, view->district, code) != NULL)
        return true;
    *refusal = refusal_of(REFUSAL_unknown_organisation, field);
    return false;
}

bool view_check_squad(const struct directory *directory, struct text district, struct text code,
                      struct refusal *refusal)
{
    const struct organisation *squad =
        code.length == 0 ? NULL : directory_organisation(directory, district, code);
    if (code.length == 0 || (squad != NULL && squad->kind == KIND_squad))
        return true;
    *refusal = refusal_of(REFUSAL_unknown_squad, "squad");
    return false;
}

bool counts_by_find(struct text name, enum counts_by *by, struct refusal *refusal)
{
    static const char *const names[BY_COUNT] = {
        [BY_squad] = "squad",       [BY_department] = "department", [BY_town] = "town",
        [BY_category] = "category", [BY_state] = "state",           [BY_day] = "day",
        [BY_month] = "month",       [BY_quarter] = "quarter",       [BY_year] = "year",
        [BY_feed] = "feed",
    };
    for (int i = 0; i < BY_COUNT; i++)
        if (text_equal(name, text_of(names[i]))) {
            *by = (enum counts_by)i;
            return true;
        }
    *refusal = refusal_of(REFUSAL_unknown_word, "by");
    return false;
}
