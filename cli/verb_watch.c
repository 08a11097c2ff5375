/* ztc watch: events as they happen, one line each. It asks reporting again and again for what came
 * after the position it has; that position moves only with an answer, so that a reporting which is
 * away or restarts costs neither a gap nor a repetition. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/print.h"

#define WATCH_PAUSE_MS   300
#define WATCH_PATIENCE_S 10 /* for one answer, before it is said that none comes */
#define WATCH_COUNT_MAX  1000000000

struct watch {
    struct link_options link;
    struct event_list asked; /* with the positions so far */
    const char *since, *squad, *town, *type;
    int64_t count; /* 0: until it is stopped */
    int64_t shown;
    bool said_away;
};

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

/* "now", "start", or positions; a log that is not named is watched from now on. */
static bool since_take(struct watch *watch)
{
    struct position_list positions;
    if (watch->since == NULL || strcmp(watch->since, "now") == 0)
        return true;
    if (strcmp(watch->since, "start") == 0) {
        watch->asked.intake = watch->asked.dispatch = 0;
        return true;
    }
    if (!ask_positions(watch->since, &positions))
        return false;
    for (size_t i = 0; i < positions.count; i++) {
        if (positions.items[i].producer == SERVICE_intake)
            watch->asked.intake = positions.items[i].offset;
        else if (positions.items[i].producer == SERVICE_dispatch)
            watch->asked.dispatch = positions.items[i].offset;
        else
            return false;
    }
    return true;
}

static const char *string_of(json_t *event, const char *key)
{
    const char *value = json_string_value(json_object_get(event, key));
    return value != NULL ? value : "";
}

static void line_print(json_t *event, struct text zone)
{
    char when[INSTANT_TEXT_MAX];
    const char *squad = string_of(event, SAY("squad_zh", "squad_en")),
               *by = string_of(event, SAY("by_zh", "by_en"));
    instant_format_local(json_integer_value(json_object_get(event, "time")), zone, when);
    printf(SAY("%s  订单 %" PRId64 "  %s  %s%s%s", "%s  order %" PRId64 "  %s  %s%s%s"), when,
           (int64_t)json_integer_value(json_object_get(event, "order")),
           string_of(event, SAY("type_zh", "type_en")),
           string_of(event, SAY("place_zh", "place_en")), squad[0] != '\0' ? " → " : "", squad);
    if (by[0] != '\0')
        printf(SAY("（%s）", " (%s)"), by);
    fputc('\n', stdout);
}

static void event_print(const struct watch *watch, json_t *event)
{
    if (!watch->link.json) {
        line_print(event, link_zone(&watch->link));
        return;
    }
    json_dumpf(event, stdout, JSON_COMPACT);
    fputc('\n', stdout);
}

/* Prints what came and moves on; false: it was enough, or nobody reads any more. Stopped between
 * two events of an answer, the position is that of the last one printed. */
static bool answer_take(struct watch *watch, struct bytes body, bool *more, struct arena *arena)
{
    struct text said = msgpack_to_json(body, arena);
    json_t *answer = json_loadb(said.at, said.length, 0, NULL), *event;
    json_t *positions = json_object_get(answer, "positions");
    bool enough = false;
    size_t i;
    json_array_foreach (json_object_get(answer, "events"), i, event) {
        event_print(watch, event);
        int64_t offset = json_integer_value(json_object_get(event, "offset"));
        if (strcmp(string_of(event, "producer"), "intake") == 0)
            watch->asked.intake = offset;
        else
            watch->asked.dispatch = offset;
        enough = ++watch->shown == watch->count;
        if (enough)
            break;
    }
    if (!enough) {
        watch->asked.intake = json_integer_value(json_object_get(positions, "intake"));
        watch->asked.dispatch = json_integer_value(json_object_get(positions, "dispatch"));
        *more = json_is_true(json_object_get(answer, "more"));
    }
    json_decref(answer);
    return fflush(stdout) == 0 && !enough;
}

static void say_away(struct watch *watch, bool is_away)
{
    if (is_away && !watch->said_away)
        cli_complain("%s", SAY("报表服务没有答复，继续等候，恢复后从断点续报",
                               "reporting does not answer; waiting, and going on where it was"));
    if (!is_away && watch->said_away)
        cli_complain("%s", SAY("报表服务已恢复", "reporting answers again"));
    watch->said_away = is_away;
}

static void pause_between(void)
{
    struct timespec left = {.tv_nsec = WATCH_PAUSE_MS * 1000000L};
    while (!is_stopped && nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static int watch_run(struct watch *watch, struct session *session)
{
    int code = CLI_OK;
    struct arena *arena = arena_new();
    for (bool more = true; !is_stopped;) {
        if (!more)
            pause_between();
        arena_reset(arena);
        struct query query = {
            .id = ask_random_id(arena), .type = QUERY_event_list, .body = &watch->asked};
        struct answer answer;
        struct bytes frame;
        more = false;
        session_ask(session, query.id, query_encode(&query, arena), arena, &answer, &frame);
        say_away(watch, answer.status == ANSWER_RETRY);
        if (answer.status == ANSWER_OK && !answer_take(watch, answer.result_body, &more, arena))
            break;
        if (answer.status == ANSWER_REFUSED) {
            print_refusal(&answer, stderr);
            code = CLI_REFUSED;
            break;
        }
    }
    arena_destroy(&arena);
    if (code == CLI_OK && watch->asked.intake >= 0)
        fprintf(stderr,
                SAY("续看：ztc watch --since intake:%" PRId64 ",dispatch:%" PRId64 "\n",
                    "to go on: ztc watch --since intake:%" PRId64 ",dispatch:%" PRId64 "\n"),
                watch->asked.intake, watch->asked.dispatch);
    return code;
}

static int watch_open(struct watch *watch)
{
    const char *key = link_key(&watch->link, NULL);
    watch->link.timeout_s = WATCH_PATIENCE_S;
    struct session *session = key != NULL ? link_open(&watch->link, LINK_QUERY, key, 1) : NULL;
    if (session == NULL)
        return CLI_ENVIRONMENT;
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    int code = watch_run(watch, session);
    session_destroy(&session);
    return code;
}

int verb_watch(const struct verb *verb, int argc, char **argv)
{
    struct watch watch = {0};
    message_clear(&query_types[QUERY_event_list], &watch.asked);
    struct option_row common[LINK_ROW_COUNT];
    link_rows(&watch.link, common);
    const struct option_row own[] = {
        {"since", OPTION_STRING, &watch.since, 0, 0, "POSITIONS",
         "从此位置之后：now（默认）、start，或 intake:12,dispatch:7",
         "after these positions: now (default), start, or intake:12,dispatch:7"},
        {"order", OPTION_NUMBER, &watch.asked.order, 1, INT64_MAX, "NUMBER", "仅此订单",
         "of this order only"},
        {"squad", OPTION_STRING, &watch.squad, 0, 0, "CODE", "仅征询过此小分队的订单",
         "of orders that this squad was asked to serve"},
        {"town", OPTION_STRING, &watch.town, 0, 0, "CODE", "仅此镇街的订单",
         "of this town's orders"},
        {"type", OPTION_STRING, &watch.type, 0, 0, "TYPE", "仅此类型的事件", "of this type only"},
        {"count", OPTION_NUMBER, &watch.count, 1, WATCH_COUNT_MAX, "NUMBER",
         "看到这么多件后结束；默认直到 Ctrl-C", "end after so many; by default go on until Ctrl-C"},
        {NULL, OPTION_FLAG, NULL, 0, 0, NULL, NULL, NULL},
    };
    static const char *const none[] = {NULL};
    struct options options = {.tables = (const struct option_row *const[]){own, common, NULL},
                              .operands = none};
    struct arena *arena = arena_new();
    int code = CLI_USAGE;
    bool fine = verb_options(verb, &options, argc, argv, arena, &code);
    arena_destroy(&arena);
    if (!fine)
        return code;
    watch.asked.squad = text_of(watch.squad);
    watch.asked.town = text_of(watch.town);
    watch.asked.type = text_of(watch.type);
    if (!since_take(&watch)) {
        cli_complain(SAY("--since 的写法是 now、start 或 intake:位置,dispatch:位置，而不是 %s",
                         "--since is written now, start or intake:OFFSET,dispatch:OFFSET, not %s"),
                     watch.since);
        return CLI_USAGE;
    }
    return link_settle(&watch.link) ? watch_open(&watch) : CLI_ENVIRONMENT;
}
