/* The face to the outside: who may connect, how requests are framed, how large they may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/bus.h"

#define WAIT_MS 10000 /* a failure's time; never waited when all is well */
#define REFUSED_MS                                                                                 \
    30 /* how long a handshake that must fail is given to succeed, when nothing tells of its end   \
        */

static char directory[] = "/tmp/test_bus_curve.XXXXXX";
static char server_file[64];
static char server_key[41];
static struct arena *arena;
static struct bus_guard *guard;
static struct bus_router *router;

#define ADMITTED_MAX 64
static pthread_mutex_t admitted_lock = PTHREAD_MUTEX_INITIALIZER;
static char admitted[ADMITTED_MAX][41]; /* those whom the guard is told to let in */
static size_t admitted_count;

/* A key pair in a file of its own. */
struct key {
    char file[64];
    char public_key[41];
};

static struct key key_new(const char *name)
{
    struct key key;
    zcert_t *certificate = zcert_new();
    snprintf(key.file, sizeof key.file, "%s/%s.key_secret", directory, name);
    snprintf(key.public_key, sizeof key.public_key, "%s", zcert_public_txt(certificate));
    assert_int_equal(zcert_save_secret(certificate, key.file), 0);
    zcert_destroy(&certificate);
    return key;
}

static int setup_group(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    struct key server = key_new("server");
    memcpy(server_file, server.file, sizeof server_file);
    memcpy(server_key, server.public_key, sizeof server_key);
    return 0;
}

static int teardown_group(void **state)
{
    (void)state;
    zdir_t *all = zdir_new(directory, NULL);
    zdir_remove(all, true);
    zdir_destroy(&all);
    return 0;
}

static bool is_admitted(void *argument, const char *public_key)
{
    bool found = false;
    assert_ptr_equal(argument, admitted);
    pthread_mutex_lock(&admitted_lock);
    for (size_t i = 0; i < admitted_count; i++)
        found |= strcmp(admitted[i], public_key) == 0;
    pthread_mutex_unlock(&admitted_lock);
    return found;
}

static int setup_unguarded(void **state)
{
    (void)state;
    arena = arena_new();
    router = bus_router_new_outside("tcp://127.0.0.1:*", server_file, 1000);
    return router == NULL ? -1 : 0;
}

static int setup(void **state)
{
    admitted_count = 0;
    guard = bus_guard_new(NULL, is_admitted, admitted);
    return guard == NULL ? -1 : setup_unguarded(state);
}

static int teardown(void **state)
{
    (void)state;
    bus_router_destroy(&router);
    bus_guard_destroy(&guard);
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
    assert_memory_equal(found.at, wanted, found.length);
}

static bool readable(zsock_t *socket, long wait_ms)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(socket), .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, wait_ms) == 1;
}

/* A client of another make, to see what this one does not send. */
static zsock_t *raw_new(int type, const struct key *key)
{
    zsock_t *socket = zsock_new(type);
    zcert_t *certificate = zcert_load(key->file);
    zcert_apply(certificate, socket);
    zcert_destroy(&certificate);
    zsock_set_curve_serverkey(socket, server_key);
    assert_int_equal(zmq_connect(zsock_resolve(socket), bus_router_endpoint(router)), 0);
    return socket;
}

/* What libzmq tells of a handshake with this key: ZMQ_EVENT_HANDSHAKE_… or another's end of it. */
static int handshake_of(const struct key *key)
{
    static int number;
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "inproc://monitor-%d", number++);
    zsock_t *client = zsock_new(ZMQ_DEALER), *monitor = zsock_new(ZMQ_PAIR);
    zcert_t *certificate = zcert_load(key->file);
    zcert_apply(certificate, client);
    zcert_destroy(&certificate);
    zsock_set_curve_serverkey(client, server_key);
    const int watched = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                        ZMQ_EVENT_DISCONNECTED;
    assert_int_equal(zmq_socket_monitor(zsock_resolve(client), endpoint, watched), 0);
    assert_int_equal(zmq_connect(zsock_resolve(monitor), endpoint), 0);
    assert_int_equal(zmq_connect(zsock_resolve(client), bus_router_endpoint(router)), 0);
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

static bool gets_in(const struct key *key)
{
    return handshake_of(key) == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
}

static void admit(const struct key *key)
{
    pthread_mutex_lock(&admitted_lock);
    assert_true(admitted_count < ADMITTED_MAX);
    memcpy(admitted[admitted_count++], key->public_key, sizeof key->public_key);
    pthread_mutex_unlock(&admitted_lock);
}

static void expel_all(void)
{
    pthread_mutex_lock(&admitted_lock);
    admitted_count = 0;
    pthread_mutex_unlock(&admitted_lock);
}

/* --- who may connect -------------------------------------------------------------------------- */

static void a_known_key(void **state)
{
    (void)state;
    struct key key = key_new("known");
    admit(&key);
    struct bus_client *client = bus_client_new(bus_router_endpoint(router), server_key, key.file);
    assert_non_null(client);
    assert_true(bus_client_send(client, bytes_of("command"), WAIT_MS));
    assert_true(readable(bus_router_socket(router), WAIT_MS));
    struct bus_caller caller;
    struct bytes frame;
    assert_true(bus_router_take(router, arena, &caller, &frame));
    assert_bytes(frame, "command");
    assert_string_equal(caller.user, key.public_key);
    assert_false(caller.has_sequence);
    assert_false(caller.delimiter);
    bus_router_answer(router, &caller, bytes_of("answer"));
    assert_true(bus_client_receive(client, arena, &frame, WAIT_MS));
    assert_bytes(frame, "answer");
    errno = 0;
    assert_false(bus_client_receive(client, arena, &frame, 0));
    assert_int_equal(errno, EAGAIN);
    bus_client_destroy(&client);
    bus_router_answer(router, &caller, bytes_of("to one who is gone"));
}

static void an_unknown_key(void **state)
{
    (void)state;
    struct key known = key_new("known"), unknown = key_new("unknown");
    admit(&known);
    assert_int_equal(handshake_of(&unknown), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    assert_true(gets_in(&known));
    struct bus_client *client =
        bus_client_new(bus_router_endpoint(router), server_key, unknown.file);
    assert_false(bus_client_send(client, bytes_of("command"), REFUSED_MS));
    assert_int_equal(errno, EAGAIN);
    bus_client_destroy(&client);
    assert_false(readable(bus_router_socket(router), 0));
}

/* At once, over and over; and a connection that stands is not ended. */
static void keys_come_and_go(void **state)
{
    (void)state;
    struct key one = key_new("one"), two = key_new("two");
    struct bus_client *client = bus_client_new(bus_router_endpoint(router), server_key, one.file);
    admit(&one);
    assert_true(bus_client_send(client, bytes_of("command"), WAIT_MS));
    for (int i = 0; i < 20; i++) {
        expel_all();
        admit(i % 2 == 0 ? &two : &one);
        assert_false(gets_in(i % 2 == 0 ? &one : &two));
        assert_true(gets_in(i % 2 == 0 ? &two : &one));
    }
    assert_int_equal(bus_guard_denied(guard, BUS_OUTSIDE), 20);
    assert_int_equal(bus_guard_denied(guard, BUS_INSIDE), 0);
    expel_all();
    assert_true(bus_client_send(client, bytes_of("command"), WAIT_MS));
    for (int i = 0; i < 2; i++) {
        struct bus_caller caller;
        struct bytes frame;
        assert_true(readable(bus_router_socket(router), WAIT_MS));
        assert_true(bus_router_take(router, arena, &caller, &frame));
        assert_string_equal(caller.user, one.public_key);
    }
    bus_client_destroy(&client);
}

static void no_guard(void **state)
{
    (void)state;
    struct key key = key_new("known");
    assert_false(gets_in(&key));
    struct bus_client *client = bus_client_new(bus_router_endpoint(router), server_key, key.file);
    assert_false(bus_client_send(client, bytes_of("command"), REFUSED_MS));
    /* The same client gets in once there is one. */
    admitted_count = 0;
    guard = bus_guard_new(NULL, is_admitted, admitted);
    admit(&key);
    assert_true(bus_client_send(client, bytes_of("command"), WAIT_MS));
    assert_true(readable(bus_router_socket(router), WAIT_MS));
    bus_guard_destroy(&guard);
    assert_false(gets_in(&key));
    bus_client_destroy(&client);
}

static void another_server(void **state)
{
    (void)state;
    struct key key = key_new("known"), other = key_new("other");
    admit(&key);
    struct bus_client *client =
        bus_client_new(bus_router_endpoint(router), other.public_key, key.file);
    assert_false(bus_client_send(client, bytes_of("command"), REFUSED_MS));
    bus_client_destroy(&client);
}

static void one_guard(void **state)
{
    (void)state;
    errno = 0;
    assert_null(bus_guard_new(NULL, is_admitted, admitted));
    assert_int_equal(errno, EBUSY);
}

static void certificates_refused(void **state)
{
    (void)state;
    char file[64];
    struct key key = key_new("known");
    assert_null(bus_router_new_outside("tcp://127.0.0.1:*", "/nonexistent/file", 1));
    assert_int_equal(errno, ENOENT);
    snprintf(file, sizeof file, "%s/half", directory);
    zcert_t *certificate = zcert_load(key.file);
    assert_int_equal(zcert_save_public(certificate, file), 0);
    zcert_destroy(&certificate);
    assert_null(bus_router_new_outside("tcp://127.0.0.1:*", file, 1));
    assert_int_equal(errno, EINVAL);
    assert_null(bus_client_new(bus_router_endpoint(router), server_key, file));
    assert_int_equal(errno, EINVAL);
    snprintf(file, sizeof file, "%s/garbage", directory);
    FILE *out = fopen(file, "w");
    fputs("garbage\n\0\xFF= ", out);
    fclose(out);
    assert_null(bus_client_new(bus_router_endpoint(router), server_key, file));
    assert_int_equal(errno, EINVAL);
    assert_null(bus_client_new(bus_router_endpoint(router), "no key", key.file));
    assert_null(bus_client_new("no endpoint", server_key, key.file));
    /* in use */
    assert_null(bus_router_new_outside(bus_router_endpoint(router), server_file, 1));
    assert_int_equal(errno, EADDRINUSE);
}

/* --- what may be sent ------------------------------------------------------------------------- */

static void send_parts(zsock_t *socket, const struct bytes *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(zmq_send(zsock_resolve(socket), parts[i].at, parts[i].length,
                                  i + 1 < count ? ZMQ_SNDMORE : 0),
                         (int)parts[i].length);
}

static void framings(void **state)
{
    (void)state;
    struct key key = key_new("known");
    admit(&key);
    zsock_t *dealer = raw_new(ZMQ_DEALER, &key);
    const struct {
        struct bytes parts[3];
        size_t count;
        const char *frame; /* "": malformed */
        bool delimiter;
    } cases[] = {
        {{bytes_of("frame")}, 1, "frame", false},
        {{bytes_of(""), bytes_of("frame")}, 2, "frame", true},
        {{bytes_of("")}, 1, "", false},
        {{bytes_of(""), bytes_of("")}, 2, "", true},
        {{bytes_of("12345678"), bytes_of("frame")}, 2, "", false},
        {{bytes_of("frame"), bytes_of("")}, 2, "", false},
        {{bytes_of(""), bytes_of("frame"), bytes_of("more")}, 3, "", true},
        {{bytes_of("a"), bytes_of("b"), bytes_of("c")}, 3, "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bus_caller caller;
        struct bytes frame;
        send_parts(dealer, cases[i].parts, cases[i].count);
        assert_true(readable(bus_router_socket(router), WAIT_MS));
        assert_true(bus_router_take(router, arena, &caller, &frame));
        assert_int_equal(frame.length, strlen(cases[i].frame));
        assert_int_equal(caller.delimiter, cases[i].delimiter);
        assert_false(caller.has_sequence);
        assert_string_equal(caller.user, key.public_key);
        bus_router_answer(router, &caller, bytes_of("answer"));
        assert_true(readable(dealer, WAIT_MS));
        zmsg_t *answer = zmsg_recv(dealer);
        assert_int_equal(zmsg_size(answer), cases[i].delimiter ? 2 : 1);
        zmsg_destroy(&answer);
    }
    zsock_destroy(&dealer);

    zsock_t *req = raw_new(ZMQ_REQ, &key);
    struct bus_caller caller;
    struct bytes frame;
    assert_int_equal(zstr_send(req, "question"), 0);
    assert_true(readable(bus_router_socket(router), WAIT_MS));
    assert_true(bus_router_take(router, arena, &caller, &frame));
    bus_router_answer(router, &caller, bytes_of("answer"));
    assert_true(readable(req, WAIT_MS));
    char *answer = zstr_recv(req);
    assert_string_equal(answer, "answer");
    zstr_free(&answer);
    zsock_destroy(&req);
}

/* Somewhat too large arrives, to be refused in words; much too large ends the connection, and
 * others do not notice. */
static void sizes(void **state)
{
    (void)state;
    struct key key = key_new("known");
    admit(&key);
    uint8_t *large = calloc(1, BUS_FRAME_MAX);
    struct bus_client *client = bus_client_new(bus_router_endpoint(router), server_key, key.file);
    struct bus_caller caller;
    struct bytes frame;
    assert_true(bus_client_send(client, (struct bytes){large, BUS_REFUSED_MAX}, WAIT_MS));
    assert_true(readable(bus_router_socket(router), WAIT_MS));
    assert_true(bus_router_take(router, arena, &caller, &frame));
    assert_int_equal(frame.length, BUS_REFUSED_MAX);
    bus_router_answer(router, &caller, (struct bytes){large, BUS_FRAME_MAX});
    assert_true(bus_client_receive(client, arena, &frame, WAIT_MS));
    assert_int_equal(frame.length, BUS_FRAME_MAX);
    assert_false(bus_client_send(client, (struct bytes){large, BUS_REFUSED_MAX + 1}, WAIT_MS));
    assert_int_equal(errno, EMSGSIZE);

    zsock_t *dealer = raw_new(ZMQ_DEALER, &key);
    zsock_t *monitor = zsock_new(ZMQ_PAIR);
    assert_int_equal(
        zmq_socket_monitor(zsock_resolve(dealer), "inproc://sizes", ZMQ_EVENT_DISCONNECTED), 0);
    assert_int_equal(zmq_connect(zsock_resolve(monitor), "inproc://sizes"), 0);
    assert_int_equal(zmq_send(zsock_resolve(dealer), large, 8 * BUS_COMMAND_MAX, 0),
                     8 * BUS_COMMAND_MAX);
    assert_true(readable(monitor, WAIT_MS));
    zmq_socket_monitor(zsock_resolve(dealer), NULL, 0);
    zsock_destroy(&monitor);
    zsock_destroy(&dealer);
    assert_true(bus_client_send(client, bytes_of("still here"), WAIT_MS));
    assert_true(readable(bus_router_socket(router), WAIT_MS));
    assert_true(bus_router_take(router, arena, &caller, &frame));
    assert_bytes(frame, "still here");
    bus_client_destroy(&client);
    free(large);
}

/* Answers to who does not read them wait up to the bound; the rest is dropped, nobody blocks. */
static void answers_unread(void **state)
{
    (void)state;
    enum { ANSWERS_MAX = 8, ASKED = 400 };
    struct key key = key_new("known");
    admit(&key);
    struct bus_router *narrow =
        bus_router_new_outside("tcp://127.0.0.1:*", server_file, ANSWERS_MAX);
    struct bus_client *client = bus_client_new(bus_router_endpoint(narrow), server_key, key.file);
    uint8_t *large = calloc(1, BUS_FRAME_MAX);
    struct bus_caller caller;
    struct bytes frame;
    assert_true(bus_client_send(client, bytes_of("one question"), WAIT_MS));
    assert_true(readable(bus_router_socket(narrow), WAIT_MS));
    assert_true(bus_router_take(narrow, arena, &caller, &frame));
    for (int i = 0; i < ASKED; i++)
        bus_router_answer(narrow, &caller, (struct bytes){large, BUS_FRAME_MAX});
    int taken = 0;
    while (bus_client_receive(client, arena, &frame, taken == 0 ? WAIT_MS : 300)) {
        assert_int_equal(frame.length, BUS_FRAME_MAX);
        arena_reset(arena);
        taken++;
    }
    /* What the two ends' queues and the system between them hold. */
    assert_in_range(taken, 1, ASKED / 2);
    assert_true(bus_client_send(client, bytes_of("another"), WAIT_MS));
    assert_true(readable(bus_router_socket(narrow), WAIT_MS));
    assert_true(bus_router_take(narrow, arena, &caller, &frame));
    bus_client_destroy(&client);
    bus_router_destroy(&narrow);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_known_key, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_key, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(no_guard, setup_unguarded, teardown),
        cmocka_unit_test_setup_teardown(another_server, setup, teardown),
        cmocka_unit_test_setup_teardown(one_guard, setup, teardown),
        cmocka_unit_test_setup_teardown(certificates_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(framings, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_unread, setup, teardown),
    };
    zsys_handler_set(NULL);
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
