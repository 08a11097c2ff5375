/* ztc play: the document's cases on a running stack. The first: 邱隘镇回龙村 has many migrant
 * workers with questions on social insurance; it books the social-insurance squad, which stays in
 * the village for the action 鄞聚一卡通·智慧码上行. The other is play_joint.c's. */
#include <czmq.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/play.h"
#include "cli/print.h"

#define VILLAGE   "330212106209"
#define SQUAD     "hrss-social-insurance"
#define CATEGORY  "social_insurance"
#define DAYS_WIDE 30 /* within a wanted window (ZTC_WINDOW_MAX_H bounds bookings, not wishes) */
#define POLL_MS   100

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

/* The first case's own connections. */
struct huilong {
    struct play *play;
    struct session *feeds[SIDE_COUNT];
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

bool play_step(struct play *play, struct session *feed, const char *who, enum command_type type,
               const void *body, enum refusal_code expected)
{
    char hex[2 * PLAY_ID_BYTES + 1];
    struct answer answer;
    struct bytes frame;
    struct text id = arena_format(play->arena, "play-%s", cli_random_hex(PLAY_ID_BYTES, hex));
    session_ask(feed, id, ask_encode(type, id, TEXT(""), INSTANT_ABSENT, body, play->arena),
                play->arena, &answer, &frame);
    play->refused = answer.status == ANSWER_OK ? REFUSAL_NONE : answer.refusal.code;
    if (answer.status != ANSWER_OK) {
        if (play->refused == expected)
            return false;
        cli_complain(SAY("%s（%s）：", "%s (%s):"),
                     SAY(command_types[type].zh, command_types[type].en), who);
        print_refusal(&answer, stderr);
        play->code = link_exit(&answer);
        return false;
    }
    if (answer.result.order > 0) /* not of a key's registration */
        play->order = answer.result.order;
    play->last = answer.events;
    if (answer.result.order > 0)
        step_print(play, who, SAY(command_types[type].zh, command_types[type].en),
                   services_said(&answer.events, play->arena),
                   print_positions(&answer.events, play->arena), answer.result.state);
    return true;
}

static bool step(struct huilong *huilong, enum side side, enum command_type type, const void *body,
                 enum refusal_code expected)
{
    return play_step(huilong->play, huilong->feeds[side], SAY(sides[side].zh, sides[side].en), type,
                     body, expected);
}

json_t *play_ask(struct play *play, enum query_type type, void *body, bool after)
{
    char hex[2 * PLAY_ID_BYTES + 1];
    struct answer answer;
    struct bytes frame;
    struct query query = {
        .id = arena_format(play->arena, "play-%s", cli_random_hex(PLAY_ID_BYTES, hex)),
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
    return play_ask(play, QUERY_order_show, &body, true);
}

static void wait_a_moment(void)
{
    zclock_sleep(POLL_MS);
}

bool play_offer_wait(struct play *play)
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

static bool submit(struct huilong *huilong, int64_t start, int64_t end)
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
    return step(huilong, SIDE_VILLAGE, COMMAND_order_submit, &body, REFUSAL_NONE);
}

static bool place(struct huilong *huilong)
{
    struct order_place body;
    message_clear(&command_types[COMMAND_order_place], &body);
    body.order = huilong->play->order;
    return step(huilong, SIDE_TOWN, COMMAND_order_place, &body, REFUSAL_NONE) &&
           play_offer_wait(huilong->play);
}

/* False with play->refused window_taken: another day is to be tried. */
static bool accept_day(struct huilong *huilong, int64_t start, int64_t end)
{
    struct assignment_accept body;
    message_clear(&command_types[COMMAND_assignment_accept], &body);
    body.order = huilong->play->order;
    body.window_start = start;
    body.window_end = end;
    return step(huilong, SIDE_SQUAD, COMMAND_assignment_accept, &body, REFUSAL_window_taken);
}

static bool cancel(struct huilong *huilong)
{
    struct order_cancel body;
    message_clear(&command_types[COMMAND_order_cancel], &body);
    body.order = huilong->play->order;
    body.reason = TEXT("该时段已约满，改约他日");
    return step(huilong, SIDE_VILLAGE, COMMAND_order_cancel, &body, REFUSAL_NONE);
}

int64_t play_day_start(const struct play *play, int day)
{
    return play->first_start + day * PLAY_DAY_MS;
}

int64_t play_day_end(const struct play *play, int day)
{
    return play_day_start(play, day) + (PLAY_LAST_HOUR - PLAY_FIRST_HOUR) * (PLAY_DAY_MS / 24);
}

/* The first day as wished; when the squad is full then, a wish for any of the following days, of
 * which the squad takes the first that is free. */
static bool book(struct huilong *huilong)
{
    const struct play *play = huilong->play;
    if (!submit(huilong, play_day_start(play, 0), play_day_end(play, 0)) || !place(huilong))
        return false;
    if (accept_day(huilong, play_day_start(play, 0), play_day_end(play, 0)))
        return true;
    for (int first = 1; first < PLAY_DAYS_MAX && play->refused == REFUSAL_window_taken;
         first += DAYS_WIDE) {
        if (!cancel(huilong) ||
            !submit(huilong, play_day_start(play, first),
                    play_day_end(play, first + DAYS_WIDE - 1)) ||
            !place(huilong))
            return false;
        for (int day = first; day < first + DAYS_WIDE; day++) {
            if (accept_day(huilong, play_day_start(play, day), play_day_end(play, day)))
                return true;
            if (play->refused != REFUSAL_window_taken)
                return false;
        }
    }
    if (play->refused == REFUSAL_window_taken)
        cli_complain("%s", SAY("一年之内没有空闲的一天", "no day is free within a year"));
    return false;
}

static bool serve(struct huilong *huilong)
{
    static const struct count items[] = {{TEXT("电子社保卡"), 780}};
    struct assignment_check_in check_in;
    message_clear(&command_types[COMMAND_assignment_check_in], &check_in);
    check_in.order = huilong->play->order;
    struct assignment_complete complete;
    message_clear(&command_types[COMMAND_assignment_complete], &complete);
    complete.order = huilong->play->order;
    complete.people_served = 1000;
    complete.items = (struct count_list){items, 1};
    complete.outcome = TEXT(OUTCOME);
    return step(huilong, SIDE_SQUAD, COMMAND_assignment_check_in, &check_in, REFUSAL_NONE) &&
           step(huilong, SIDE_SQUAD, COMMAND_assignment_complete, &complete, REFUSAL_NONE);
}

static bool confirm(struct huilong *huilong)
{
    struct order_confirm body;
    message_clear(&command_types[COMMAND_order_confirm], &body);
    body.order = huilong->play->order;
    body.satisfaction = 5;
    return step(huilong, SIDE_VILLAGE, COMMAND_order_confirm, &body, REFUSAL_NONE);
}

/* --- the end ---------------------------------------------------------------------------------- */

bool play_page_print(struct play *play)
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
        json_t *stars = play_ask(play, QUERY_stars, &body, false);
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
                          : !instant_to_civil(zone, cli_now_ms() + PLAY_DAY_MS, &civil)) {
        cli_complain(SAY("--day 不是日期：%s", "--day: not a date: %s"), play->day);
        return false;
    }
    if (play->day != NULL && !instant_to_civil(zone, day, &civil))
        return false;
    civil.hour = PLAY_FIRST_HOUR;
    civil.minute = civil.second = 0;
    return instant_from_civil(zone, civil, &play->first_start);
}

static bool connect_sides(struct huilong *huilong)
{
    struct play *play = huilong->play;
    for (int side = 0; side < SIDE_COUNT; side++) {
        struct link_options link = play->link;
        link.key_file = NULL;
        link.role = sides[side].role;
        const char *key = link_key(&link, NULL);
        if (key == NULL || (huilong->feeds[side] = link_open(&link, LINK_FEED, key, 1)) == NULL)
            return false;
        if (side == SIDE_VILLAGE && (play->query = link_open(&link, LINK_QUERY, key, 1)) == NULL)
            return false;
    }
    return true;
}

static bool play_huilong(struct play *play)
{
    struct huilong huilong = {.play = play};
    bool connected = connect_sides(&huilong);
    if (!connected)
        play->code = CLI_ENVIRONMENT;
    bool fine = connected && book(&huilong) && serve(&huilong) && confirm(&huilong) &&
                play_page_print(play) && stars_print(play);
    for (int side = 0; side < SIDE_COUNT; side++)
        session_destroy(&huilong.feeds[side]);
    return fine;
}

static int play_run(struct play *play)
{
    bool is_joint = play->which != NULL && strcmp(play->which, "joint") == 0;
    if (play->which != NULL && !is_joint && strcmp(play->which, "huilong") != 0) {
        cli_complain(
            SAY("没有“%s”这个案例；可用 huilong 或 joint", "no case %s; it is huilong or joint"),
            play->which);
        return CLI_USAGE;
    }
    if (!link_settle(&play->link))
        return CLI_ENVIRONMENT;
    if (!first_day(play))
        return CLI_USAGE;
    play->code = CLI_OK;
    bool fine = is_joint ? play_joint(play) : play_huilong(play);
    return fine || play->code != CLI_OK ? play->code : CLI_REFUSED;
}

int verb_play(const struct verb *verb, int argc, char **argv)
{
    struct play play = {.arena = arena_new()};
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&play.link, common);
    const struct option_row own[] = {
        {"case", OPTION_STRING, &play.which, 0, 0, "huilong|joint",
         "案例：回龙村社保（默认），或划船社区组团服务",
         "which case: Huilong's social insurance (the default), or Huachuan's joint session"},
        {"day", OPTION_STRING, &play.day, 0, 0, "YYYY-MM-DD", "希望的日期；默认为明天",
         "the day that is wished for; tomorrow by default"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL}};
    int code = CLI_USAGE;
    if (verb_options(verb, &options, argc, argv, play.arena, &code))
        code = play_run(&play);
    session_destroy(&play.query);
    arena_destroy(&play.arena);
    return code;
}
