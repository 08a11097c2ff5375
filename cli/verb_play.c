/* ztc play: the document's case on a running stack. 邱隘镇回龙村 has many migrant workers with
 * questions on social insurance; it books the social-insurance squad, which stays in the village
 * for the action 鄞聚一卡通·智慧码上行. */
#include <czmq.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/print.h"

#define VILLAGE    "330212106209"
#define SQUAD      "hrss-social-insurance"
#define CATEGORY   "social_insurance"
#define FIRST_HOUR 9
#define LAST_HOUR  17
#define DAYS_MAX   365 /* how far ahead a free day is looked for */
#define DAYS_WIDE  30  /* within a wanted window (ZTC_WINDOW_MAX_H bounds bookings, not wishes) */
#define POLL_MS    100
#define DAY_MS     (INT64_C(24) * 60 * 60 * 1000)
#define ID_BYTES   8

#define NEED                                                                                                                                        \
    "回龙村外来务工人员集中、社保诉求较多，请社会保险“店小二”服务小分队驻村解答社保政策、签发电子" \
    "社保卡"
#define ACTIVITY "鄞聚一卡通·智慧码上行"
#define OUTCOME  "解答社保政策千余人次，签发电子社保卡780余张"

enum side { SIDE_VILLAGE, SIDE_TOWN, SIDE_SQUAD, SIDE_COUNT };

static const struct {
    const char *role, *zh, *en;
} sides[SIDE_COUNT] = {
    {"village", "回龙村", "Huilong Village"},
    {"town", "邱隘镇", "Qiu'ai Town"},
    {"squad", "社会保险“店小二”小分队", "the social-insurance squad"},
};

struct play {
    struct link_options link;
    const char *day;
    struct arena *arena;
    struct session *feeds[SIDE_COUNT], *query;
    int64_t order;
    int number;                /* of the step, for printing */
    int64_t first_start;       /* 09:00 of the first day */
    struct position_list last; /* of the last step's events */
    enum refusal_code refused; /* of the last step */
    int code;
};

/* --- asking ----------------------------------------------------------------------------------- */

static const char *services_said(const struct position_list *events, struct arena *arena)
{
    struct text all = TEXT("");
    for (size_t i = 0; i < events->count; i++) {
        int service = events->items[i].producer;
        all = arena_format(arena, "%.*s%s%s", TEXT_ARG(all), i > 0 ? SAY("、", ", ") : "",
                           SAY(words_service.zh[service], words_service.en[service]));
    }
    return all.length > 0 ? all.at : "";
}

static void step_print(struct play *play, const char *who, const char *what, const char *service,
                       struct text where, int state)
{
    printf(SAY("%d. %s：%s ［%s %.*s］ %s\n", "%d. %s: %s [%s, %.*s] %s\n"), ++play->number, who,
           what, service, TEXT_ARG(where),
           SAY(words_order_state.zh[state], words_order_state.en[state]));
    fflush(stdout);
}

/* Sends one step; false: refused or unanswered, which is told unless the refusal is `expected`. */
static bool step(struct play *play, enum side side, enum command_type type, const void *body,
                 enum refusal_code expected)
{
    char hex[2 * ID_BYTES + 1];
    struct answer answer;
    struct bytes frame;
    struct text id = arena_format(play->arena, "play-%s", cli_random_hex(ID_BYTES, hex));
    session_ask(play->feeds[side], id,
                ask_encode(type, id, TEXT(""), INSTANT_ABSENT, body, play->arena), play->arena,
                &answer, &frame);
    play->refused = answer.status == ANSWER_OK ? REFUSAL_NONE : answer.refusal.code;
    if (answer.status != ANSWER_OK) {
        if (play->refused == expected)
            return false;
        cli_complain(SAY("%s（%s）：", "%s (%s):"),
                     SAY(command_types[type].zh, command_types[type].en),
                     SAY(sides[side].zh, sides[side].en));
        print_refusal(&answer, stderr);
        play->code = link_exit(&answer);
        return false;
    }
    play->order = answer.result.order;
    play->last = answer.events;
    step_print(play, SAY(sides[side].zh, sides[side].en),
               SAY(command_types[type].zh, command_types[type].en),
               services_said(&answer.events, play->arena),
               print_positions(&answer.events, play->arena), answer.result.state);
    return true;
}

/* The answer of a query as JSON, to be released; NULL: told. */
static json_t *ask(struct play *play, enum query_type type, void *body, bool after)
{
    char hex[2 * ID_BYTES + 1];
    struct answer answer;
    struct bytes frame;
    struct query query = {.id = arena_format(play->arena, "play-%s", cli_random_hex(ID_BYTES, hex)),
                          .type = type,
                          .body = body};
    if (after)
        query.after = play->last;
    session_ask(play->query, query.id, query_encode(&query, play->arena), play->arena, &answer,
                &frame);
    if (answer.status != ANSWER_OK) {
        print_refusal(&answer, stderr);
        play->code = link_exit(&answer);
        return NULL;
    }
    struct text said = msgpack_to_json(answer.result_body, play->arena);
    return json_loadb(said.at, said.length, 0, NULL);
}

static json_t *page_of(struct play *play)
{
    struct order_show body;
    message_clear(&query_types[QUERY_order_show], &body);
    body.order = play->order;
    return ask(play, QUERY_order_show, &body, true);
}

static void wait_a_moment(void)
{
    zclock_sleep(POLL_MS);
}

/* Dispatch offers by itself once it knows the order: waited for on the order's page. */
static bool offer_wait(struct play *play)
{
    int64_t deadline = cli_monotonic_ms() + play->link.timeout_s * 1000;
    while (cli_monotonic_ms() < deadline) {
        json_t *page = page_of(play);
        if (page == NULL)
            return false;
        const char *state = json_string_value(json_object_get(page, "state"));
        int number = state != NULL ? words_find(&words_order_state, text_of(state)) : -1;
        json_t *history = json_object_get(page, "history");
        json_t *newest = json_array_get(history, json_array_size(history) - 1);
        int64_t offset = json_integer_value(json_object_get(newest, "offset"));
        json_decref(page);
        if (number == ORDER_offered) {
            step_print(play, SAY("系统", "the system"), SAY("派单给小分队", "offered to the squad"),
                       SAY(words_service.zh[SERVICE_dispatch], words_service.en[SERVICE_dispatch]),
                       arena_format(play->arena, "dispatch:%" PRId64, offset), number);
            return true;
        }
        if (number == ORDER_escalated)
            break;
        wait_a_moment();
    }
    cli_complain("%s", SAY("订单没有派给小分队", "the order was not offered to the squad"));
    play->code = CLI_UNANSWERED;
    return false;
}

/* --- the case --------------------------------------------------------------------------------- */

static bool play_submit(struct play *play, int64_t start, int64_t end)
{
    static const struct text squads[] = {TEXT(SQUAD)};
    struct order_submit body;
    message_clear(&command_types[COMMAND_order_submit], &body);
    body.place = TEXT(VILLAGE);
    body.activity = TEXT(ACTIVITY);
    body.need = TEXT(NEED);
    body.category = TEXT(CATEGORY);
    body.squads = (struct text_list){squads, 1};
    body.window_start = start;
    body.window_end = end;
    body.expected_people = 1000;
    return step(play, SIDE_VILLAGE, COMMAND_order_submit, &body, REFUSAL_NONE);
}

static bool play_place(struct play *play)
{
    struct order_place body;
    message_clear(&command_types[COMMAND_order_place], &body);
    body.order = play->order;
    return step(play, SIDE_TOWN, COMMAND_order_place, &body, REFUSAL_NONE) && offer_wait(play);
}

/* False with play->refused window_taken: another day is to be tried. */
static bool play_accept(struct play *play, int64_t start, int64_t end)
{
    struct assignment_accept body;
    message_clear(&command_types[COMMAND_assignment_accept], &body);
    body.order = play->order;
    body.window_start = start;
    body.window_end = end;
    return step(play, SIDE_SQUAD, COMMAND_assignment_accept, &body, REFUSAL_window_taken);
}

static bool play_cancel(struct play *play)
{
    struct order_cancel body;
    message_clear(&command_types[COMMAND_order_cancel], &body);
    body.order = play->order;
    body.reason = TEXT("该时段已约满，改约他日");
    return step(play, SIDE_VILLAGE, COMMAND_order_cancel, &body, REFUSAL_NONE);
}

static int64_t day_start(const struct play *play, int day)
{
    return play->first_start + day * DAY_MS;
}

static int64_t day_end(const struct play *play, int day)
{
    return day_start(play, day) + (LAST_HOUR - FIRST_HOUR) * (DAY_MS / 24);
}

/* The first day as wished; when the squad is full then, a wish for any of the following days, of
 * which the squad takes the first that is free. */
static bool play_book(struct play *play)
{
    if (!play_submit(play, day_start(play, 0), day_end(play, 0)) || !play_place(play))
        return false;
    if (play_accept(play, day_start(play, 0), day_end(play, 0)))
        return true;
    for (int first = 1; first < DAYS_MAX && play->refused == REFUSAL_window_taken;
         first += DAYS_WIDE) {
        if (!play_cancel(play) ||
            !play_submit(play, day_start(play, first), day_end(play, first + DAYS_WIDE - 1)) ||
            !play_place(play))
            return false;
        for (int day = first; day < first + DAYS_WIDE; day++) {
            if (play_accept(play, day_start(play, day), day_end(play, day)))
                return true;
            if (play->refused != REFUSAL_window_taken)
                return false;
        }
    }
    if (play->refused == REFUSAL_window_taken)
        cli_complain("%s", SAY("一年之内没有空闲的一天", "no day is free within a year"));
    return false;
}

static bool play_serve(struct play *play)
{
    static const struct count items[] = {{TEXT("电子社保卡"), 780}};
    struct assignment_check_in check_in;
    message_clear(&command_types[COMMAND_assignment_check_in], &check_in);
    check_in.order = play->order;
    struct assignment_complete complete;
    message_clear(&command_types[COMMAND_assignment_complete], &complete);
    complete.order = play->order;
    complete.people_served = 1000;
    complete.items = (struct count_list){items, 1};
    complete.outcome = TEXT(OUTCOME);
    return step(play, SIDE_SQUAD, COMMAND_assignment_check_in, &check_in, REFUSAL_NONE) &&
           step(play, SIDE_SQUAD, COMMAND_assignment_complete, &complete, REFUSAL_NONE);
}

static bool play_confirm(struct play *play)
{
    struct order_confirm body;
    message_clear(&command_types[COMMAND_order_confirm], &body);
    body.order = play->order;
    body.satisfaction = 5;
    return step(play, SIDE_VILLAGE, COMMAND_order_confirm, &body, REFUSAL_NONE);
}

/* --- the end ---------------------------------------------------------------------------------- */

static bool page_print(struct play *play)
{
    json_t *page = page_of(play);
    if (page == NULL)
        return false;
    printf(SAY("\n== 订单 %" PRId64 " ==\n", "\n== order %" PRId64 " ==\n"), play->order);
    print_json_value(page, link_zone(&play->link), stdout);
    json_decref(page);
    return true;
}

/* The order is among the counted events, and the stars are those of all of them. */
static bool counts_order(json_t *stars, int64_t order)
{
    json_t *squad = json_array_get(json_object_get(stars, "squads"), 0);
    json_t *events = json_object_get(squad, "events"), *event;
    bool found = false;
    size_t i;
    json_array_foreach (events, i, event) {
        found = found || json_integer_value(json_object_get(event, "order")) == order;
    }
    return found && json_integer_value(json_object_get(squad, "counted")) >=
                        (json_int_t)json_array_size(events);
}

/* Evaluation counts the confirmation a moment later. */
static bool stars_print(struct play *play)
{
    int64_t deadline = cli_monotonic_ms() + play->link.timeout_s * 1000;
    struct stars body;
    message_clear(&query_types[QUERY_stars], &body);
    body.squad = TEXT(SQUAD);
    for (;;) {
        json_t *stars = ask(play, QUERY_stars, &body, false);
        if (stars == NULL)
            return false;
        bool is_counted = counts_order(stars, play->order);
        if (is_counted) {
            printf(SAY("\n== 星级 ［%s］ ==\n", "\n== stars [%s] ==\n"),
                   SAY(words_service.zh[SERVICE_evaluation], words_service.en[SERVICE_evaluation]));
            print_json_value(stars, link_zone(&play->link), stdout);
        }
        json_decref(stars);
        if (is_counted)
            return true;
        if (cli_monotonic_ms() >= deadline)
            break;
        wait_a_moment();
    }
    cli_complain("%s", SAY("评价没有计入星级", "the confirmation was not counted for the stars"));
    play->code = CLI_UNANSWERED;
    return false;
}

/* --- the verb --------------------------------------------------------------------------------- */

static bool first_day(struct play *play)
{
    struct civil civil;
    struct text zone = link_zone(&play->link);
    int64_t day = 0;
    if (play->day != NULL ? !options_time(text_of(play->day), zone, &day)
                          : !instant_to_civil(zone, cli_now_ms() + DAY_MS, &civil)) {
        cli_complain(SAY("--day 不是日期：%s", "--day: not a date: %s"), play->day);
        return false;
    }
    if (play->day != NULL && !instant_to_civil(zone, day, &civil))
        return false;
    civil.hour = FIRST_HOUR;
    civil.minute = civil.second = 0;
    return instant_from_civil(zone, civil, &play->first_start);
}

static bool connect_sides(struct play *play)
{
    for (int side = 0; side < SIDE_COUNT; side++) {
        struct link_options link = play->link;
        link.key_file = NULL;
        link.role = sides[side].role;
        const char *key = link_key(&link, NULL);
        if (key == NULL || (play->feeds[side] = link_open(&link, LINK_FEED, key, 1)) == NULL)
            return false;
        if (side == SIDE_VILLAGE && (play->query = link_open(&link, LINK_QUERY, key, 1)) == NULL)
            return false;
    }
    return true;
}

static int play_run(struct play *play)
{
    if (!link_settle(&play->link) || !connect_sides(play))
        return CLI_ENVIRONMENT;
    if (!first_day(play))
        return CLI_USAGE;
    play->code = CLI_OK;
    bool fine = play_book(play) && play_serve(play) && play_confirm(play) && page_print(play) &&
                stars_print(play);
    return fine || play->code != CLI_OK ? play->code : CLI_REFUSED;
}

int verb_play(const struct verb *verb, int argc, char **argv)
{
    struct play play = {.arena = arena_new()};
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&play.link, common);
    const struct option_row own[] = {
        {"day", OPTION_STRING, &play.day, 0, 0, "YYYY-MM-DD", "希望的日期；默认为明天",
         "the day that is wished for; tomorrow by default"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL}};
    int code = CLI_USAGE;
    if (verb_options(verb, &options, argc, argv, play.arena, &code))
        code = play_run(&play);
    for (int side = 0; side < SIDE_COUNT; side++)
        session_destroy(&play.feeds[side]);
    session_destroy(&play.query);
    arena_destroy(&play.arena);
    return code;
}
