/* Between services: publish and subscribe, ask and answer, and who is let in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/bundle.h"
#include "bus/bus.h"

#define WAIT_MS 10000 /* a failure's time; never waited when all is well */

static char directory[] = "/tmp/test_bus_inside.XXXXXX";
static struct arena *arena;
static struct bus_badge *badge;
static struct bus_guard *guard;

/* A certificate in a file of its own, named in the arena. */
static const char *certificate_new(const char *name)
{
    const char *file = arena_format(arena, "%s/%s.key_secret", directory, name).at;
    zcert_t *certificate = zcert_new();
    assert_int_equal(zcert_save_secret(certificate, file), 0);
    zcert_destroy(&certificate);
    return file;
}

static int setup_group(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int teardown_group(void **state)
{
    (void)state;
    zdir_t *all = zdir_new(directory, NULL);
    zdir_remove(all, true);
    zdir_destroy(&all);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    badge = bus_badge_new(certificate_new("bus"), NULL);
    guard = badge == NULL ? NULL : bus_guard_new(badge, NULL, NULL);
    return guard == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    bus_guard_destroy(&guard);
    bus_badge_destroy(&badge);
    arena_destroy(&arena);
    return 0;
}

static struct bytes bytes_of(const char *string)
{
    return (struct bytes){(const uint8_t *)string, strlen(string)};
}

static void assert_bytes(struct bytes found, const char *wanted)
{
    assert_int_equal(found.length, strlen(wanted));
    if (found.length > 0)
        assert_memory_equal(found.at, wanted, found.length);
}

static bool readable(zsock_t *socket, long wait_ms)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(socket), .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, wait_ms) == 1;
}

/* --- publish and subscribe -------------------------------------------------------------------- */

static void publish(struct bus_publisher *publisher, const char *type, int32_t part, int64_t offset,
                    const char *body)
{
    const struct bus_hint hint = {text_of(type), part, offset, bytes_of(body)};
    bus_publish(publisher, &hint, 1);
}

/* A message of one. */
static bool take_hint(struct bus_subscriber *subscriber, struct bus_hint *hint, uint64_t *malformed)
{
    struct bus_hint *hints;
    size_t count = bus_subscriber_take(subscriber, arena, &hints, malformed);
    assert_in_range(count, 0, 1);
    if (count == 1)
        *hint = hints[0];
    return count == 1;
}

/* Publishes until something comes: a subscription takes a moment to arrive. */
static void take_first(struct bus_publisher *publisher, struct bus_subscriber *subscriber,
                       const char *type, int64_t offset, const char *body, struct bus_hint *hint)
{
    uint64_t malformed = 0;
    for (int tries = 0; tries < WAIT_MS / 10; tries++) {
        publish(publisher, type, 0, offset, body);
        if (readable(bus_subscriber_socket(subscriber), 10))
            break;
    }
    assert_true(take_hint(subscriber, hint, &malformed));
    assert_int_equal(malformed, 0);
}

static void hints(void **state)
{
    (void)state;
    struct bus_publisher *publisher = bus_publisher_new("tcp://127.0.0.1", badge);
    struct bus_subscriber *subscriber = bus_subscriber_new(badge);
    assert_non_null(publisher);
    assert_non_null(subscriber);
    struct bus_hint hint;
    uint64_t malformed = 0;
    assert_false(take_hint(subscriber, &hint, &malformed));
    bus_subscriber_follow(subscriber, bus_publisher_endpoint(publisher), bus_badge_key(badge));
    bus_subscriber_follow(subscriber, bus_publisher_endpoint(publisher),
                          bus_badge_key(badge)); /* the same: nothing twice */
    take_first(publisher, subscriber, "heartbeat", 0, "", &hint);
    assert_int_equal(text_compare(hint.type, TEXT("heartbeat")), 0);
    assert_int_equal(hint.body.length, 0);
    publish(publisher, "order_placed", INT32_MAX, INT64_MAX, "body");
    do {
        assert_true(readable(bus_subscriber_socket(subscriber), WAIT_MS));
        assert_true(take_hint(subscriber, &hint, &malformed));
    } while (hint.body.length == 0);
    assert_int_equal(text_compare(hint.type, TEXT("order_placed")), 0);
    assert_int_equal(hint.part, INT32_MAX);
    assert_true(hint.offset == INT64_MAX);
    assert_bytes(hint.body, "body");
    assert_false(take_hint(subscriber, &hint, &malformed));
    bus_subscriber_destroy(&subscriber);
    bus_publisher_destroy(&publisher);
    assert_null(subscriber);
    assert_null(publisher);
}

/* What was committed together travels together, as far as it fits; what does not goes alone. */
static void bundles_of_hints(void **state)
{
    (void)state;
    enum { COUNT = 1000, LARGE = 500, ANOTHER_PART = 700 };
    static uint8_t large[BUS_BUNDLE_MAX + 1];
    struct bus_publisher *publisher = bus_publisher_new("tcp://127.0.0.1", badge);
    struct bus_subscriber *subscriber = bus_subscriber_new(badge);
    bus_subscriber_follow(subscriber, bus_publisher_endpoint(publisher), bus_badge_key(badge));
    struct bus_hint hint, *hints, published[COUNT];
    take_first(publisher, subscriber, "heartbeat", 0, "", &hint);
    for (int i = 0; i < COUNT; i++)
        published[i] = (struct bus_hint){.type = TEXT("a"),
                                         .part = i >= ANOTHER_PART,
                                         .offset = i + 1,
                                         .body = {large, i == LARGE ? sizeof large : 200}};
    bus_publish(publisher, published, 0);
    bus_publish(publisher, published, COUNT);
    uint64_t malformed = 0;
    int messages = 0;
    for (int taken = 0; taken < COUNT; messages++) {
        assert_true(readable(bus_subscriber_socket(subscriber), WAIT_MS));
        size_t count = bus_subscriber_take(subscriber, arena, &hints, &malformed);
        for (size_t i = 0; i < count; i++) {
            if (hints[i].offset == 0)
                continue; /* one more of take_first's */
            const struct bus_hint *wanted = &published[taken++];
            assert_int_equal(hints[i].offset, wanted->offset);
            assert_int_equal(hints[i].part, wanted->part);
            assert_int_equal(hints[i].body.length, wanted->body.length);
            assert_int_equal(count == 1, wanted->offset == LARGE + 1);
        }
    }
    assert_in_range(messages, 5, 30);
    assert_int_equal(malformed, 0);
    bus_subscriber_destroy(&subscriber);
    bus_publisher_destroy(&publisher);
}

/* The lease went to another process: its hints come, the former's do not. */
static void another_publisher(void **state)
{
    (void)state;
    struct bus_publisher *first = bus_publisher_new("tcp://127.0.0.1", badge),
                         *second = bus_publisher_new("tcp://127.0.0.1", badge);
    struct bus_subscriber *subscriber = bus_subscriber_new(badge);
    struct bus_hint hint;
    uint64_t malformed = 0;
    assert_string_not_equal(bus_publisher_endpoint(first), bus_publisher_endpoint(second));
    bus_subscriber_follow(subscriber, bus_publisher_endpoint(first), bus_badge_key(badge));
    take_first(first, subscriber, "a", 1, "first", &hint);
    bus_subscriber_follow(subscriber, bus_publisher_endpoint(second), bus_badge_key(badge));
    while (take_hint(subscriber, &hint, &malformed))
        ;
    take_first(second, subscriber, "a", 2, "second", &hint);
    assert_bytes(hint.body, "second");
    bus_subscriber_follow(subscriber, NULL, bus_badge_key(badge));
    bus_subscriber_follow(subscriber, "no endpoint", bus_badge_key(badge));
    bus_subscriber_follow(subscriber, bus_publisher_endpoint(first), bus_badge_key(badge));
    while (take_hint(subscriber, &hint, &malformed))
        ;
    take_first(first, subscriber, "a", 3, "again", &hint);
    assert_bytes(hint.body, "again");
    bus_subscriber_destroy(&subscriber);
    bus_publisher_destroy(&first);
    bus_publisher_destroy(&second);
}

/* A socket of another make with the badge's pair; as a server when it is to be connected to. */
static zsock_t *raw_new(int type, bool is_server)
{
    zsock_t *socket = zsock_new(type);
    zcert_t *certificate = zcert_load(arena_format(arena, "%s/bus.key_secret", directory).at);
    zcert_apply(certificate, socket);
    zcert_destroy(&certificate);
    if (is_server) {
        zsock_set_zap_domain(socket, "zhitongche-bus");
        zsock_set_curve_server(socket, 1);
    } else {
        zsock_set_curve_serverkey(socket, bus_badge_key(badge));
    }
    return socket;
}

static void send_parts(zsock_t *socket, const struct bytes *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(zmq_send(zsock_resolve(socket), parts[i].at, parts[i].length,
                                  i + 1 < count ? ZMQ_SNDMORE : 0),
                         (int)parts[i].length);
}

static void malformed_hints(void **state)
{
    (void)state;
    zsock_t *publisher = raw_new(ZMQ_PUB, true);
    char endpoint[BUS_ENDPOINT_MAX];
    size_t size = sizeof endpoint;
    assert_int_equal(zmq_bind(zsock_resolve(publisher), "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(zsock_resolve(publisher), ZMQ_LAST_ENDPOINT, endpoint, &size),
                     0);
    struct bus_subscriber *subscriber = bus_subscriber_new(badge);
    bus_subscriber_follow(subscriber, endpoint, bus_badge_key(badge));
    static const uint8_t head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, negative[12] = {0x80};
    const struct bytes good[] = {bytes_of("a"), {head, 12}, bytes_of("b")};
    const struct bytes bad[][3] = {
        {bytes_of(""), {head, 12}, bytes_of("")},
        {bytes_of("a"), {head, 11}, bytes_of("")},
        {bytes_of("a"), {negative, 12}, bytes_of("")},
        {bytes_of("\xFF"), {head, 12}, bytes_of("")},
    };
    struct bus_hint hint;
    uint64_t malformed = 0;
    for (int tries = 0; tries < WAIT_MS / 10 && !readable(bus_subscriber_socket(subscriber), 10);
         tries++)
        send_parts(publisher, good, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        send_parts(publisher, bad[i], 3);
    /* A bundle is refused whole: [part][offset][length][body] … */
    static const uint8_t bundles[][4 + 13] = {
        {0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 'b'},
        {0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 'b'},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2, 'b'},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xFF, 0xFF, 0xFF, 0xFF, 'b'},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 'b'},
    };
    for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++)
        send_parts(publisher, &(struct bytes){bundles[i], sizeof bundles[i]}, 1);
    for (size_t length = 0; length < 5; length++)
        send_parts(publisher, &(struct bytes){head, length}, 1);
    send_parts(publisher, good, 3);
    while (!take_hint(subscriber, &hint, &malformed))
        assert_true(readable(bus_subscriber_socket(subscriber), WAIT_MS));
    assert_true(malformed >= 15);
    assert_int_equal(hint.offset, 7);
    bus_subscriber_destroy(&subscriber);
    zsock_destroy(&publisher);
}

/* --- ask and answer --------------------------------------------------------------------------- */

static void ask(struct bus_asker *asker, uint64_t sequence, const char *frame)
{
    for (int tries = 0; tries < WAIT_MS / 10; tries++) {
        if (bus_asker_ask(asker, sequence, bytes_of(frame)))
            return;
        zmq_pollitem_t item = {.socket = zsock_resolve(bus_asker_socket(asker)),
                               .events = ZMQ_POLLOUT};
        zmq_poll(&item, 1, 10);
    }
    fail_msg("never connected");
}

/* A message of one, as the next. */
static bool take_question(struct bus_router *router, struct bus_caller *caller, struct bytes *frame)
{
    struct bus_run run;
    if (!bus_router_take_run(router, arena, caller, &run))
        return false;
    assert_true(bus_run_next(&run, &caller->sequence, frame));
    assert_int_equal(run.left, 0);
    return true;
}

static bool take_answer(struct bus_asker *asker, uint64_t *sequence, struct bytes *frame)
{
    struct bus_run run;
    if (!bus_asker_take(asker, arena, &run))
        return false;
    assert_true(bus_run_next(&run, sequence, frame));
    assert_int_equal(run.left, 0);
    return true;
}

static void ask_and_answer(void **state)
{
    (void)state;
    struct bus_router *router = bus_router_new("tcp://127.0.0.1", badge);
    struct bus_asker *asker = bus_asker_new(badge);
    assert_non_null(router);
    assert_non_null(asker);
    struct bus_caller caller;
    struct bytes frame;
    uint64_t sequence;
    assert_false(take_question(router, &caller, &frame));
    assert_false(bus_asker_ask(asker, 1, bytes_of("to nobody")));
    bus_asker_follow(asker, bus_router_endpoint(router), bus_badge_key(badge));
    ask(asker, UINT64_MAX - 1, "question");
    assert_true(readable(bus_router_socket(router), WAIT_MS));
    assert_true(take_question(router, &caller, &frame));
    assert_bytes(frame, "question");
    assert_true(caller.has_sequence);
    assert_true(caller.sequence == UINT64_MAX - 1);
    assert_string_equal(caller.user, bus_badge_key(badge));
    bus_router_answer(router, &caller, bytes_of("answer"));
    assert_true(readable(bus_asker_socket(asker), WAIT_MS));
    assert_true(take_answer(asker, &sequence, &frame));
    assert_true(sequence == UINT64_MAX - 1);
    assert_bytes(frame, "answer");
    assert_false(take_answer(asker, &sequence, &frame));

    uint8_t *large = calloc(1, BUS_FRAME_MAX + 1);
    assert_false(bus_asker_ask(asker, 2, (struct bytes){large, BUS_ASK_MAX + 1}));
    assert_true(bus_asker_ask(asker, 3, (struct bytes){large, BUS_ASK_MAX}));
    assert_true(readable(bus_router_socket(router), WAIT_MS));
    assert_true(take_question(router, &caller, &frame));
    assert_int_equal(frame.length, BUS_ASK_MAX);
    bus_router_answer(router, &caller, (struct bytes){large, BUS_FRAME_MAX + 1}); /* dropped */
    bus_router_answer(router, &caller, (struct bytes){large, BUS_FRAME_MAX});
    assert_true(readable(bus_asker_socket(asker), WAIT_MS));
    assert_true(take_answer(asker, &sequence, &frame));
    assert_true(sequence == 3);
    assert_int_equal(frame.length, BUS_FRAME_MAX);
    free(large);
    bus_asker_destroy(&asker);
    bus_router_answer(router, &caller, bytes_of("to one who is gone"));
    bus_router_destroy(&router);
}

/* Questions of one turn in one message, their answers too; each message as far as it fits. */
static void bundles_of_questions(void **state)
{
    (void)state;
    enum { COUNT = 300, LARGE = 100 };
    static uint8_t large[BUS_ASK_MAX + 1];
    struct bus_router *router = bus_router_new("tcp://127.0.0.1", badge);
    struct bus_asker *asker = bus_asker_new(badge);
    struct bus_caller caller, callers[COUNT];
    struct bus_run run;
    struct bytes frame;
    uint64_t sequence;
    assert_false(bus_asker_ask_bundled(asker, 1, bytes_of("to nobody")));
    bus_asker_follow(asker, bus_router_endpoint(router), bus_badge_key(badge));
    ask(asker, 0, "connected");
    assert_true(readable(bus_router_socket(router), WAIT_MS));
    assert_true(take_question(router, &caller, &frame));
    assert_false(caller.in_bundle);
    assert_false(bus_asker_ask_bundled(asker, 1, (struct bytes){large, sizeof large}));
    for (uint64_t i = 0; i < COUNT; i++)
        assert_true(bus_asker_ask_bundled(
            asker, i + 1, (struct bytes){large, i == LARGE ? (size_t)BUS_ASK_MAX : 400}));
    bus_asker_flush(asker);
    int messages = 0;
    for (int taken = 0; taken < COUNT; messages++) {
        assert_true(readable(bus_router_socket(router), WAIT_MS));
        assert_true(bus_router_take_run(router, arena, &caller, &run));
        assert_true(caller.has_sequence);
        for (; bus_run_next(&run, &caller.sequence, &frame); callers[taken++] = caller) {
            assert_int_equal(caller.sequence, taken + 1);
            assert_int_equal(caller.in_bundle, taken != LARGE);
            assert_int_equal(frame.length, taken == LARGE ? BUS_ASK_MAX : 400);
        }
    }
    assert_in_range(messages, 3, 6);
    for (int i = 0; i < COUNT; i++) /* in a bundle, one too large for it, one asked alone */
        assert_true(bus_router_answer(router, &callers[i],
                                      (struct bytes){large, i == 7 ? sizeof large : 300}));
    assert_int_equal(bus_router_flush(router), 0);
    bool answered[COUNT] = {false};
    for (int taken = 0; taken < COUNT;) {
        assert_true(readable(bus_asker_socket(asker), WAIT_MS));
        assert_true(bus_asker_take(asker, arena, &run));
        for (; bus_run_next(&run, &sequence, &frame); taken++) {
            assert_in_range(sequence, 1, COUNT);
            assert_false(answered[sequence - 1]);
            answered[sequence - 1] = true;
            assert_int_equal(frame.length, sequence == 8 ? sizeof large : 300);
        }
    }
    /* Two askers: nobody gets the other's. */
    struct bus_asker *second = bus_asker_new(badge);
    bus_asker_follow(second, bus_router_endpoint(router), bus_badge_key(badge));
    ask(second, 0, "connected");
    assert_true(bus_asker_ask_bundled(second, 9, bytes_of("second")));
    bus_asker_flush(second);
    do {
        assert_true(readable(bus_router_socket(router), WAIT_MS));
        assert_true(take_question(router, &caller, &frame));
    } while (!caller.in_bundle);
    bus_router_answer(router, &callers[0], bytes_of("first's"));
    bus_router_answer(router, &caller, bytes_of("second's"));
    bus_router_answer(router, &callers[1], bytes_of("first's"));
    assert_int_equal(bus_router_flush(router), 0);
    assert_true(readable(bus_asker_socket(second), WAIT_MS));
    assert_true(take_answer(second, &sequence, &frame));
    assert_int_equal(sequence, 9);
    assert_bytes(frame, "second's");
    for (uint64_t i = 1; i <= 2; i++) {
        assert_true(readable(bus_asker_socket(asker), WAIT_MS));
        assert_true(take_answer(asker, &sequence, &frame));
        assert_int_equal(sequence, i);
        assert_bytes(frame, "first's");
    }
    /* To one who is gone: as many as there were. */
    bus_asker_destroy(&second);
    size_t lost = 0;
    for (int tries = 0; tries < WAIT_MS / 10 && lost == 0; tries++) {
        assert_true(bus_router_answer(router, &caller, bytes_of("nobody")));
        assert_true(bus_router_answer(router, &caller, bytes_of("hears it")));
        lost = bus_router_flush(router);
        zclock_sleep(lost == 0 ? 10 : 0);
    }
    assert_int_equal(lost, 2);
    assert_int_equal(bus_router_flush(router), 0);
    bus_asker_destroy(&asker);
    bus_router_destroy(&router);
}

static void another_router(void **state)
{
    (void)state;
    struct bus_router *first = bus_router_new("tcp://127.0.0.1", badge),
                      *second = bus_router_new("tcp://127.0.0.1", badge);
    struct bus_asker *asker = bus_asker_new(badge);
    struct bus_caller caller;
    struct bytes frame;
    bus_asker_follow(asker, bus_router_endpoint(first), bus_badge_key(badge));
    ask(asker, 1, "one");
    bus_asker_follow(asker, bus_router_endpoint(second), bus_badge_key(badge));
    ask(asker, 2, "two");
    assert_true(readable(bus_router_socket(second), WAIT_MS));
    assert_true(take_question(second, &caller, &frame));
    assert_bytes(frame, "two");
    bus_asker_follow(asker, "", bus_badge_key(badge));
    assert_false(bus_asker_ask(asker, 3, bytes_of("three")));
    bus_asker_destroy(&asker);
    bus_router_destroy(&first);
    bus_router_destroy(&second);
}

/* What is not [sequence][frame] comes with an empty frame. */
static void malformed_questions(void **state)
{
    (void)state;
    struct bus_router *router = bus_router_new("tcp://127.0.0.1", badge);
    zsock_t *dealer = raw_new(ZMQ_DEALER, false);
    assert_int_equal(zmq_connect(zsock_resolve(dealer), bus_router_endpoint(router)), 0);
    const struct {
        struct bytes parts[5];
        size_t count;
        bool has_sequence;
    } wrong[] = {
        {{bytes_of("frame")}, 1, false},
        {{bytes_of("12345678")}, 1, false},
        {{bytes_of("")}, 1, false},
        {{{(const uint8_t *)"\0\0\0\0\0\0\0\1\0\0\0\2x", 13}}, 1, false}, /* half a bundle */
        {{bytes_of("1234567"), bytes_of("frame")}, 2, false},
        {{bytes_of("12345678"), bytes_of("")}, 2, true},
        {{bytes_of("12345678"), bytes_of("frame"), bytes_of("more")}, 3, true},
        {{bytes_of("12345678"), bytes_of(""), bytes_of(""), bytes_of(""), bytes_of("")}, 5, true},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bus_caller caller;
        struct bytes frame;
        send_parts(dealer, wrong[i].parts, wrong[i].count);
        assert_true(readable(bus_router_socket(router), WAIT_MS));
        assert_true(take_question(router, &caller, &frame));
        assert_int_equal(frame.length, 0);
        assert_int_equal(caller.has_sequence, wrong[i].has_sequence);
        assert_false(take_question(router, &caller, &frame));
    }
    zsock_destroy(&dealer);
    bus_router_destroy(&router);
}

/* --- who is let in ---------------------------------------------------------------------------- */

/* What libzmq tells of a handshake at this endpoint with the pair of this file. */
static int handshake_of(const char *file, int type, const char *endpoint, const char *server_key)
{
    static int number;
    char monitored[32];
    snprintf(monitored, sizeof monitored, "inproc://monitor-%d", number++);
    zsock_t *client = zsock_new(type), *monitor = zsock_new(ZMQ_PAIR);
    if (file != NULL) {
        zcert_t *certificate = zcert_load(file);
        zcert_apply(certificate, client);
        zcert_destroy(&certificate);
        zsock_set_curve_serverkey(client, server_key);
    }
    const int watched = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                        ZMQ_EVENT_DISCONNECTED;
    assert_int_equal(zmq_socket_monitor(zsock_resolve(client), monitored, watched), 0);
    assert_int_equal(zmq_connect(zsock_resolve(monitor), monitored), 0);
    assert_int_equal(zmq_connect(zsock_resolve(client), endpoint), 0);
    assert_true(readable(monitor, WAIT_MS));
    zframe_t *frame = zframe_recv(monitor);
    uint16_t event;
    memcpy(&event, zframe_data(frame), sizeof event);
    zframe_destroy(&frame);
    zmq_socket_monitor(zsock_resolve(client), NULL, 0);
    zsock_destroy(&client);
    zsock_destroy(&monitor);
    return event;
}

static const char *outsider; /* the key that the test lets in outside */

static bool is_outsider(void *argument, const char *public_key)
{
    (void)argument;
    return strcmp(public_key, outsider) == 0;
}

/* Each of the two kinds of key at each of the three kinds of socket. */
static void each_at_its_own(void **state)
{
    (void)state;
    const char *village = certificate_new("village"), *server = certificate_new("server");
    const char *bus = arena_format(arena, "%s/bus.key_secret", directory).at;
    struct bus_badge *as_village = bus_badge_new(village, NULL);
    struct bus_badge *as_server = bus_badge_new(server, NULL);
    outsider = bus_badge_key(as_village);
    bus_guard_destroy(&guard);
    guard = bus_guard_new(badge, is_outsider, NULL);
    struct bus_publisher *publisher = bus_publisher_new("tcp://127.0.0.1", badge);
    struct bus_router *inner = bus_router_new("tcp://127.0.0.1", badge);
    struct bus_router *outer = bus_router_new_outside("tcp://127.0.0.1:*", server, 100);
    const char *pub = bus_publisher_endpoint(publisher), *in = bus_router_endpoint(inner),
               *out = bus_router_endpoint(outer);
    const char *bus_key = bus_badge_key(badge), *server_key = bus_badge_key(as_server);
    const int yes = ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    assert_int_equal(handshake_of(bus, ZMQ_SUB, pub, bus_key), yes);
    assert_int_equal(handshake_of(bus, ZMQ_DEALER, in, bus_key), yes);
    assert_int_equal(handshake_of(village, ZMQ_DEALER, out, server_key), yes);
    assert_int_not_equal(handshake_of(village, ZMQ_SUB, pub, bus_key), yes);
    assert_int_not_equal(handshake_of(village, ZMQ_DEALER, in, bus_key), yes);
    assert_int_equal(handshake_of(bus, ZMQ_DEALER, out, server_key),
                     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    assert_int_equal(bus_guard_denied(guard, BUS_OUTSIDE), 1);
    assert_in_range(bus_guard_denied(guard, BUS_INSIDE), 2, 10);
    /* Without CURVE, and with another server's key: not even asked about. */
    assert_int_not_equal(handshake_of(NULL, ZMQ_SUB, pub, NULL), yes);
    assert_int_not_equal(handshake_of(NULL, ZMQ_DEALER, in, NULL), yes);
    assert_int_not_equal(handshake_of(NULL, ZMQ_DEALER, out, NULL), yes);
    assert_int_not_equal(handshake_of(bus, ZMQ_DEALER, in, server_key), yes);
    /* No guard, nobody. */
    bus_guard_destroy(&guard);
    assert_int_not_equal(handshake_of(bus, ZMQ_SUB, pub, bus_key), yes);
    assert_int_not_equal(handshake_of(bus, ZMQ_DEALER, in, bus_key), yes);
    bus_publisher_destroy(&publisher);
    bus_router_destroy(&inner);
    bus_router_destroy(&outer);
    bus_badge_destroy(&as_village);
    bus_badge_destroy(&as_server);
}

/* A service that was denied comes again by itself, and gets in once its key is known. */
static void denied_then_known(void **state)
{
    (void)state;
    const char *bus = arena_format(arena, "%s/bus.key_secret", directory).at;
    const char *next = certificate_new("next");
    struct bus_badge *early = bus_badge_new(next, bus), *both = bus_badge_new(bus, next);
    struct bus_publisher *publisher = bus_publisher_new("tcp://127.0.0.1", badge);
    struct bus_subscriber *subscriber = bus_subscriber_new(early);
    struct bus_hint hint;
    uint64_t malformed = 0;
    assert_true(bus_badge_knows(early, bus_badge_key(badge)));
    assert_false(bus_badge_knows(badge, bus_badge_key(early)));
    assert_false(bus_badge_knows(badge, ""));
    bus_subscriber_follow(subscriber, bus_publisher_endpoint(publisher), bus_badge_key(badge));
    while (bus_guard_denied(guard, BUS_INSIDE) == 0)
        publish(publisher, "a", 0, 1, "nobody hears it");
    assert_false(take_hint(subscriber, &hint, &malformed));
    bus_guard_destroy(&guard);
    guard = bus_guard_new(both, NULL, NULL);
    take_first(publisher, subscriber, "a", 2, "heard", &hint);
    assert_bytes(hint.body, "heard");
    bus_subscriber_destroy(&subscriber);
    bus_publisher_destroy(&publisher);
    bus_guard_destroy(&guard);
    bus_badge_destroy(&early);
    bus_badge_destroy(&both);
}

/* A port that somebody else had for a while: libzmq gave up, a new socket does not. */
static void renewed(void **state)
{
    (void)state;
    struct bus_router *router = bus_router_new("tcp://127.0.0.1", badge);
    struct bus_publisher *publisher = bus_publisher_new("tcp://127.0.0.1", badge);
    struct bus_subscriber *subscriber = bus_subscriber_new(badge);
    struct bus_asker *asker = bus_asker_new(badge);
    struct bus_hint hint;
    struct bus_caller caller;
    struct bytes frame;
    assert_true(bus_subscriber_renew(subscriber)); /* of nobody */
    assert_true(bus_asker_renew(asker));
    bus_subscriber_follow(subscriber, bus_publisher_endpoint(publisher), bus_badge_key(badge));
    bus_asker_follow(asker, bus_router_endpoint(router), bus_badge_key(badge));
    take_first(publisher, subscriber, "a", 1, "one", &hint);
    ask(asker, 1, "one");
    assert_true(bus_subscriber_renew(subscriber));
    assert_true(bus_asker_renew(asker));
    arena_reset(arena);
    uint64_t malformed = 0;
    while (take_hint(subscriber, &hint, &malformed))
        ;
    take_first(publisher, subscriber, "a", 2, "two", &hint);
    ask(asker, 2, "two");
    do {
        assert_true(readable(bus_router_socket(router), WAIT_MS));
        assert_true(take_question(router, &caller, &frame));
    } while (caller.sequence != 2);
    assert_bytes(frame, "two");
    bus_asker_destroy(&asker);
    bus_subscriber_destroy(&subscriber);
    bus_publisher_destroy(&publisher);
    bus_router_destroy(&router);
}

static void badges_refused(void **state)
{
    (void)state;
    const char *bus = arena_format(arena, "%s/bus.key_secret", directory).at;
    const char *half = arena_format(arena, "%s/half", directory).at;
    zcert_t *certificate = zcert_load(bus);
    assert_int_equal(zcert_save_public(certificate, half), 0);
    zcert_destroy(&certificate);
    assert_null(bus_badge_new("/nonexistent/file", NULL));
    assert_int_equal(errno, ENOENT);
    assert_null(bus_badge_new(half, NULL));
    assert_int_equal(errno, EINVAL);
    assert_null(bus_badge_new(bus, "/nonexistent/file"));
    assert_int_equal(errno, ENOENT);
    struct bus_badge *with_half = bus_badge_new(bus, half); /* its public part will do */
    assert_non_null(with_half);
    bus_badge_destroy(&with_half);
}

static void addresses_refused(void **state)
{
    (void)state;
    char endless[2 * BUS_ENDPOINT_MAX];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    const char *const wrong[] = {"",     "tcp", "tcp://", "tcp://203.0.113.1", "gopher://127.0.0.1",
                                 endless};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        errno = 0;
        assert_null(bus_publisher_new(wrong[i], badge));
        assert_int_not_equal(errno, 0);
        errno = 0;
        assert_null(bus_router_new(wrong[i], badge));
        assert_int_not_equal(errno, 0);
    }
}

static void announced(void **state)
{
    (void)state;
    char endpoint[BUS_ENDPOINT_MAX], endless[BUS_ENDPOINT_MAX];
    assert_true(bus_announce("tcp://127.0.0.1:41000", "", endpoint));
    assert_string_equal(endpoint, "tcp://127.0.0.1:41000");
    assert_true(bus_announce("tcp://127.0.0.1:41000", NULL, endpoint));
    assert_string_equal(endpoint, "tcp://127.0.0.1:41000");
    assert_true(bus_announce("tcp://0.0.0.0:41000", "intake", endpoint));
    assert_string_equal(endpoint, "tcp://intake:41000");
    assert_true(bus_announce("tcp://10.0.0.7:1", "10.0.0.8", endpoint));
    assert_string_equal(endpoint, "tcp://10.0.0.8:1");
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    const struct {
        const char *bound, *host;
    } wrong[] = {
        {"tcp://0.0.0.0:41000", ""},        {"tcp://0.0.0.0:41000", NULL},
        {"tcp://0.0.0.0:41000", "a:5"},     {"tcp://0.0.0.0:41000", "tcp://a"},
        {"tcp://0.0.0.0:41000", "a b"},     {"tcp://0.0.0.0:41000", endless},
        {"ipc:///run/somewhere:1", "host"}, {"tcp://nowhere", "host"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        errno = 0;
        assert_false(bus_announce(wrong[i].bound, wrong[i].host, endpoint));
        assert_int_not_equal(errno, 0);
    }
}

static void certificates(void **state)
{
    (void)state;
    char key[BUS_KEY_TEXT + 1];
    const char *secret = certificate_new("operator");
    zcert_t *certificate = zcert_load(secret);
    const char *public_part = arena_format(arena, "%s/operator.key", directory).at;
    assert_int_equal(zcert_save_public(certificate, public_part), 0);
    assert_true(bus_certificate_key(secret, key));
    assert_string_equal(key, zcert_public_txt(certificate));
    memset(key, 0, sizeof key);
    assert_true(bus_certificate_key(public_part, key));
    assert_string_equal(key, zcert_public_txt(certificate));
    assert_false(bus_certificate_key("/nowhere", key));
    assert_int_equal(errno, ENOENT);
    zcert_destroy(&certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hints, setup, teardown),
        cmocka_unit_test_setup_teardown(bundles_of_hints, setup, teardown),
        cmocka_unit_test_setup_teardown(another_publisher, setup, teardown),
        cmocka_unit_test_setup_teardown(malformed_hints, setup, teardown),
        cmocka_unit_test_setup_teardown(ask_and_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(bundles_of_questions, setup, teardown),
        cmocka_unit_test_setup_teardown(another_router, setup, teardown),
        cmocka_unit_test_setup_teardown(malformed_questions, setup, teardown),
        cmocka_unit_test_setup_teardown(each_at_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(denied_then_known, setup, teardown),
        cmocka_unit_test_setup_teardown(renewed, setup, teardown),
        cmocka_unit_test_setup_teardown(badges_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(addresses_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(announced, setup, teardown),
        cmocka_unit_test_setup_teardown(certificates, setup, teardown),
    };
    zsys_handler_set(NULL);
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
