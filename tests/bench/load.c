/* A caller of the feed that keeps K commands in flight, or sends R a second: the load of `make
 * bench`.
 *
 *   bench_load [options] FEED SERVER_KEY RUN
 *     --place CODE=CERTIFICATE   who picks; required
 *     --town  CODE=CERTIFICATE   who places (whole lives)
 *     --squad CODE=CERTIFICATE   who serves (whole lives); repeat
 *     --count N  --in-flight K  --rate R  --lives
 *
 * Without --lives each order is submitted; with it, it goes through all six steps, each by the key
 * of who takes it. RUN makes the commands' ids this run's own. A command answered `retry` or not at
 * all is sent again with the same id. Prints "count C seconds S rate R p50_us A p99_us B retries
 * N"; the times are from sending a command to its answer, in an open loop from when it was to be
 * sent. */
#include <czmq.h>
#include <getopt.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define SQUADS_MAX   64
#define ACTORS_MAX   (SQUADS_MAX + 2)
#define RETRY_US     20000
#define SILENCE_US   4000000
#define WINDOW_MS    (15 * 60 * 1000)
#define FIRST_DAY_MS 86400000LL
#define QUEUE        100000

enum step { SUBMIT, PLACE, ACCEPT, CHECK_IN, COMPLETE, CONFIRM, STEPS };
static const char *const step_names[STEPS] = {"order_submit",        "order_place",
                                              "assignment_accept",   "assignment_check_in",
                                              "assignment_complete", "order_confirm"};

struct actor {
    char code[128];
    zsock_t *owned;
    void *socket;    /* the same for libzmq's own functions */
    int64_t windows; /* given away so far, of a squad */
};

struct life {
    int64_t number; /* of the order in this run; -1: none any more */
    int64_t order;
    int64_t due_us, asked_us; /* when to send again; when the answer was first waited for */
    int64_t window;
    enum step step;
    size_t squad;
};

struct load {
    struct actor actors[ACTORS_MAX]; /* the place, the town, the squads */
    size_t squad_count;
    const char *run;
    int64_t count, begun, finished, retries, first_window_ms;
    size_t in_flight;
    double rate;
    bool whole_lives;
    struct life *lives;
    uint32_t *samples;
    int64_t sample_count;
    int64_t started_us;
    msgpack_sbuffer buffer;
};

static _Noreturn void fail(const char *what, const char *more)
{
    fprintf(stderr, "bench_load: %s %s\n", what, more);
    exit(1);
}

static void actor_open(struct actor *actor, char *pair, const char *feed, const char *server_key)
{
    char *path = strchr(pair, '=');
    if (path == NULL || path - pair >= (int)sizeof actor->code)
        fail("not CODE=CERTIFICATE:", pair);
    *path++ = '\0';
    strcpy(actor->code, pair);
    zcert_t *certificate = zcert_load(path);
    if (certificate == NULL)
        fail("no certificate:", path);
    zsock_t *socket = zsock_new(ZMQ_DEALER);
    zcert_apply(certificate, socket);
    zcert_destroy(&certificate);
    zsock_set_curve_serverkey(socket, server_key);
    zsock_set_sndhwm(socket, QUEUE);
    zsock_set_rcvhwm(socket, QUEUE);
    zsock_set_linger(socket, 0);
    if (zsock_connect(socket, "%s", feed) != 0)
        fail("no such endpoint:", feed);
    actor->owned = socket;
    actor->socket = zsock_resolve(socket);
}

/* --- commands ----------------------------------------------------------------------------------
 */

static void put_text(msgpack_packer *packer, const char *text)
{
    msgpack_pack_str_with_body(packer, text, strlen(text));
}

static void put_pair(msgpack_packer *packer, const char *key, const char *text)
{
    put_text(packer, key);
    put_text(packer, text);
}

static void put_number(msgpack_packer *packer, const char *key, int64_t value)
{
    put_text(packer, key);
    msgpack_pack_int64(packer, value);
}

static void put_body(const struct load *load, const struct life *life, msgpack_packer *packer)
{
    switch (life->step) {
    case SUBMIT:
        msgpack_pack_map(packer, 3);
        put_pair(packer, "need",
                 "外来务工人员社保咨询与电子社保卡申领，请派人到村文化礼堂现场办理");
        put_number(packer, "expected_people", 120);
        if (load->squad_count == 0) {
            put_pair(packer, "category", "social_insurance");
            return;
        }
        put_text(packer, "squads");
        msgpack_pack_array(packer, 1);
        put_text(packer, load->actors[2 + life->squad].code);
        return;
    case ACCEPT:
        msgpack_pack_map(packer, 3);
        put_number(packer, "window_start", load->first_window_ms + life->window * WINDOW_MS);
        put_number(packer, "window_end", load->first_window_ms + (life->window + 1) * WINDOW_MS);
        break;
    case COMPLETE:
        msgpack_pack_map(packer, 2);
        put_number(packer, "people_served", 100 + life->number % 100);
        break;
    case CONFIRM:
        msgpack_pack_map(packer, 2);
        put_number(packer, "satisfaction", 1 + life->number % 5);
        break;
    case PLACE:
    case CHECK_IN:
    case STEPS:
        msgpack_pack_map(packer, 1);
        break;
    }
    put_number(packer, "order", life->order);
}

static void *socket_of(const struct load *load, const struct life *life)
{
    switch (life->step) {
    case SUBMIT:
    case CONFIRM:
        return load->actors[0].socket;
    case PLACE:
        return load->actors[1].socket;
    case ACCEPT:
    case CHECK_IN:
    case COMPLETE:
    case STEPS:
        break;
    }
    return load->actors[2 + life->squad].socket;
}

static void life_send(struct load *load, struct life *life)
{
    char id[128];
    msgpack_packer packer;
    snprintf(id, sizeof id, "%s:%lld:%lld:%d", load->run, (long long)(life - load->lives),
             (long long)life->number, (int)life->step);
    msgpack_sbuffer_clear(&load->buffer);
    msgpack_packer_init(&packer, &load->buffer, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 3);
    put_pair(&packer, "id", id);
    put_pair(&packer, "type", step_names[life->step]);
    put_text(&packer, "body");
    put_body(load, life, &packer);
    if (zmq_send(socket_of(load, life), load->buffer.data, load->buffer.size, 0) < 0)
        fail("a command cannot be sent:", zmq_strerror(errno));
    life->due_us = bench_now_us() + SILENCE_US;
}

static void life_ask(struct load *load, struct life *life, int64_t asked_us)
{
    if (life->step == ACCEPT)
        life->window = load->actors[2 + life->squad].windows++;
    life->asked_us = asked_us;
    life_send(load, life);
}

static void life_begin(struct load *load, struct life *life, int64_t asked_us)
{
    *life = (struct life){.number = load->begun++};
    life->squad = load->squad_count == 0 ? 0 : (size_t)life->number % load->squad_count;
    life_ask(load, life, asked_us);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static const msgpack_object *field(const msgpack_object *map, const char *name)
{
    for (uint32_t i = 0; map != NULL && map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size;
         i++) {
        const msgpack_object *key = &map->via.map.ptr[i].key;
        if (key->type == MSGPACK_OBJECT_STR && key->via.str.size == strlen(name) &&
            memcmp(key->via.str.ptr, name, key->via.str.size) == 0)
            return &map->via.map.ptr[i].val;
    }
    return NULL;
}

static bool is_text(const msgpack_object *object, const char *text)
{
    return object != NULL && object->type == MSGPACK_OBJECT_STR &&
           object->via.str.size == strlen(text) &&
           memcmp(object->via.str.ptr, text, object->via.str.size) == 0;
}

/* The life that an answer is for, by the id it was asked under; NULL: of a command answered before.
 */
static struct life *life_of(const struct load *load, const msgpack_object *id)
{
    char text[160];
    long long slot, number;
    int step;
    size_t prefix = strlen(load->run);
    if (id == NULL || id->type != MSGPACK_OBJECT_STR || id->via.str.size >= sizeof text)
        fail("an answer without an id", "");
    memcpy(text, id->via.str.ptr, id->via.str.size);
    text[id->via.str.size] = '\0';
    if (strncmp(text, load->run, prefix) != 0 ||
        sscanf(text + prefix, ":%lld:%lld:%d", &slot, &number, &step) != 3 || slot < 0 ||
        slot >= (long long)load->in_flight)
        fail("an answer to something else:", text);
    struct life *life = &load->lives[slot];
    return life->number == number && (int)life->step == step ? life : NULL;
}

static void take_answer(struct load *load, const void *data, size_t size)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    if (msgpack_unpack_next(&unpacked, data, size, NULL) != MSGPACK_UNPACK_SUCCESS)
        fail("an answer that is no msgpack", "");
    const msgpack_object *answer = &unpacked.data, *status = field(answer, "status");
    struct life *life = life_of(load, field(answer, "id"));
    int64_t now = bench_now_us();
    if (life != NULL && is_text(status, "retry")) {
        load->retries++;
        life->due_us = now + RETRY_US;
    } else if (life != NULL && !is_text(status, "ok")) {
        msgpack_object_print(stderr, unpacked.data);
        fail("\nrefused:", step_names[life->step]);
    } else if (life != NULL) {
        load->samples[load->sample_count++] = (uint32_t)(now - life->asked_us);
        const msgpack_object *order = field(field(answer, "result"), "order");
        if (life->step == SUBMIT && order != NULL)
            life->order = order->via.i64;
        life->step = life->step + 1 < STEPS && load->whole_lives ? life->step + 1 : STEPS;
        if (life->step < STEPS) {
            life_ask(load, life, now);
        } else {
            load->finished++;
            life->number = -1;
            if (load->rate <= 0 && load->begun < load->count)
                life_begin(load, life, now);
        }
    }
    msgpack_unpacked_destroy(&unpacked);
}

/* --- the loop ----------------------------------------------------------------------------------
 */

static void begin_due(struct load *load, size_t *next_slot)
{
    while (load->begun < load->count) {
        int64_t due = load->started_us + (int64_t)((double)load->begun * 1e6 / load->rate);
        if (due > bench_now_us())
            return;
        size_t tried = 0;
        while (load->lives[*next_slot].number >= 0 && tried++ < load->in_flight)
            *next_slot = (*next_slot + 1) % load->in_flight;
        if (load->lives[*next_slot].number >= 0)
            fail("the system does not keep up with the rate", "");
        life_begin(load, &load->lives[*next_slot], due);
    }
}

static void repeat_due(struct load *load)
{
    int64_t now = bench_now_us();
    for (size_t i = 0; i < load->in_flight; i++)
        if (load->lives[i].number >= 0 && load->lives[i].due_us <= now)
            life_send(load, &load->lives[i]);
}

static void run(struct load *load)
{
    zmq_pollitem_t items[ACTORS_MAX];
    size_t actors = load->whole_lives ? 2 + load->squad_count : 1, next_slot = 0;
    zmq_msg_t message;
    int64_t swept = bench_now_us();
    load->started_us = bench_now_us();
    for (size_t i = 0; load->rate <= 0 && i < load->in_flight && load->begun < load->count; i++)
        life_begin(load, &load->lives[i], load->started_us);
    while (load->finished < load->count) {
        for (size_t i = 0; i < actors; i++)
            items[i] = (zmq_pollitem_t){.socket = load->actors[i].socket, .events = ZMQ_POLLIN};
        zmq_poll(items, (int)actors, load->rate > 0 ? 1 : 10);
        for (size_t i = 0; i < actors; i++)
            for (int taken = 0; (items[i].revents & ZMQ_POLLIN) && taken < 256; taken++) {
                zmq_msg_init(&message);
                if (zmq_msg_recv(&message, load->actors[i].socket, ZMQ_DONTWAIT) < 0) {
                    zmq_msg_close(&message);
                    break;
                }
                take_answer(load, zmq_msg_data(&message), zmq_msg_size(&message));
                zmq_msg_close(&message);
            }
        if (load->rate > 0)
            begin_due(load, &next_slot);
        if (bench_now_us() - swept > RETRY_US / 4) {
            repeat_due(load);
            swept = bench_now_us();
        }
    }
}

static void read_options(struct load *load, int count, char **arguments)
{
    static const struct option options[] = {
        {"place", required_argument, NULL, 'p'},     {"town", required_argument, NULL, 't'},
        {"squad", required_argument, NULL, 's'},     {"count", required_argument, NULL, 'n'},
        {"in-flight", required_argument, NULL, 'k'}, {"rate", required_argument, NULL, 'r'},
        {"lives", no_argument, NULL, 'l'},           {NULL, 0, NULL, 0}};
    char *place = NULL, *town = NULL, *squads[SQUADS_MAX];
    int option;
    while ((option = getopt_long(count, arguments, "", options, NULL)) != -1)
        switch (option) {
        case 'p':
            place = optarg;
            break;
        case 't':
            town = optarg;
            break;
        case 's':
            if (load->squad_count == SQUADS_MAX)
                fail("too many squads", "");
            squads[load->squad_count++] = optarg;
            break;
        case 'n':
            load->count = strtoll(optarg, NULL, 10);
            break;
        case 'k':
            load->in_flight = strtoul(optarg, NULL, 10);
            break;
        case 'r':
            load->rate = strtod(optarg, NULL);
            break;
        case 'l':
            load->whole_lives = true;
            break;
        default:
            exit(2);
        }
    if (count - optind != 3 || place == NULL || load->count < 1 || load->in_flight < 1 ||
        (load->whole_lives && (town == NULL || load->squad_count == 0)))
        fail("usage:", "bench_load --place P --count N --in-flight K [--rate R] [--lives --town T "
                       "--squad S …] FEED SERVER_KEY RUN");
    load->run = arguments[optind + 2];
    actor_open(&load->actors[0], place, arguments[optind], arguments[optind + 1]);
    if (load->whole_lives)
        actor_open(&load->actors[1], town, arguments[optind], arguments[optind + 1]);
    for (size_t i = 0; i < load->squad_count; i++) {
        actor_open(&load->actors[2 + i], squads[i], arguments[optind], arguments[optind + 1]);
    }
}

int main(int count, char **arguments)
{
    struct load load = {.count = 10000, .in_flight = 64};
    zsys_handler_set(NULL);
    read_options(&load, count, arguments);
    /* Windows of different runs over the same records do not meet. */
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t mixed = 1469598103934665603ULL;
    for (const char *c = load.run; *c != '\0'; c++)
        mixed = (mixed ^ (unsigned char)*c) * 1099511628211ULL;
    load.first_window_ms =
        (int64_t)(wall.tv_sec / 900 * 900) * 1000 + (int64_t)(30 + mixed % 60 * 300) * FIRST_DAY_MS;
    load.lives = calloc(load.in_flight, sizeof *load.lives);
    load.samples =
        calloc((size_t)load.count * (load.whole_lives ? STEPS : 1), sizeof *load.samples);
    for (size_t i = 0; i < load.in_flight; i++)
        load.lives[i].number = -1;
    msgpack_sbuffer_init(&load.buffer);
    run(&load);
    double seconds = (double)(bench_now_us() - load.started_us) / 1e6;
    size_t samples = (size_t)load.sample_count;
    printf("count %lld seconds %.3f rate %.1f p50_us %u p99_us %u retries %lld\n",
           (long long)load.count, seconds, (double)load.count / seconds,
           bench_quantile(load.samples, samples, 50), bench_quantile(load.samples, samples, 99),
           (long long)load.retries);
    for (size_t i = 0; i < ACTORS_MAX; i++)
        zsock_destroy(&load.actors[i].owned);
    msgpack_sbuffer_destroy(&load.buffer);
    free(load.samples);
    free(load.lives);
    return 0;
}
