/* The CURVE face: who may connect, how requests are framed, how large they may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

static int setup_unguarded(void **state)
{
    (void)state;
    arena = arena_new();
    router = bus_router_new_curve("tcp://127.0.0.1:*", server_file);
    return router == NULL ? -1 : 0;
}

static int setup(void **state)
{
    guard = bus_guard_new();
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
    assert_true(bus_guard_admit(guard, key->public_key));
    bus_guard_apply(guard);
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

/* All of it within a second, over and over: nothing may hang on the resolution of a file's time. */
static void keys_come_and_go(void **state)
{
    (void)state;
    struct key one = key_new("one"), two = key_new("two");
    for (int i = 0; i < 20; i++) {
        const struct key *in = i % 2 == 0 ? &one : &two, *out = i % 2 == 0 ? &two : &one;
        assert_true(bus_guard_admit(guard, in->public_key));
        bus_guard_expel(guard, out->public_key);
        bus_guard_apply(guard);
        assert_false(gets_in(out));
        assert_true(gets_in(in));
    }
    bus_guard_expel(guard, one.public_key);
    bus_guard_expel(guard, one.public_key);
    bus_guard_expel(guard, two.public_key);
    bus_guard_apply(guard);
    assert_false(gets_in(&one));
    assert_false(gets_in(&two));
    assert_true(bus_guard_admit(guard, one.public_key));
    assert_true(bus_guard_admit(guard, one.public_key));
    bus_guard_apply(guard);
    bus_guard_apply(guard);
    assert_true(gets_in(&one));
}

/* While keys change under them, clients get in all the same: those that fail in between try again.
 */
static void keys_change_meanwhile(void **state)
{
    (void)state;
    enum { CLIENTS = 20 };
    struct key key = key_new("known");
    char other[41];
    struct bus_client *clients[CLIENTS];
    admit(&key);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = bus_client_new(bus_router_endpoint(router), server_key, key.file);
        zcert_t *certificate = zcert_new();
        snprintf(other, sizeof other, "%s", zcert_public_txt(certificate));
        zcert_destroy(&certificate);
        bus_guard_admit(guard, other);
        bus_guard_apply(guard);
    }
    for (int i = 0; i < CLIENTS; i++)
        assert_true(bus_client_send(clients[i], bytes_of("command"), WAIT_MS));
    for (int i = 0; i < CLIENTS; i++) {
        struct bus_caller caller;
        struct bytes frame;
        assert_true(readable(bus_router_socket(router), WAIT_MS));
        assert_true(bus_router_take(router, arena, &caller, &frame));
        assert_string_equal(caller.user, key.public_key);
    }
    for (int i = 0; i < CLIENTS; i++)
        bus_client_destroy(&clients[i]);
}

static void no_guard(void **state)
{
    (void)state;
    struct key key = key_new("known");
    assert_false(gets_in(&key));
    struct bus_client *client = bus_client_new(bus_router_endpoint(router), server_key, key.file);
    assert_false(bus_client_send(client, bytes_of("command"), REFUSED_MS));
    /* The same client gets in once there is one. */
    guard = bus_guard_new();
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

static void keys_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "short",
        "0000000000000000000000000000000000000000"
        "0",
        "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
        "########################################", /* more than 32 bits each */
        "000000000000000000000000000000000000000 ",
        "\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4"
        "\xB8\xAD\xE4\xB8\xAD"
        "\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\x30",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(bus_guard_admit(guard, wrong[i]));
    bus_guard_apply(guard);
    errno = 0;
    assert_null(bus_guard_new());
    assert_int_equal(errno, EBUSY);
}

static void certificates_refused(void **state)
{
    (void)state;
    char file[64];
    struct key key = key_new("known");
    assert_null(bus_router_new_curve("tcp://127.0.0.1:*", "/nonexistent/file"));
    assert_int_equal(errno, ENOENT);
    snprintf(file, sizeof file, "%s/half", directory);
    zcert_t *certificate = zcert_load(key.file);
    assert_int_equal(zcert_save_public(certificate, file), 0);
    zcert_destroy(&certificate);
    assert_null(bus_router_new_curve("tcp://127.0.0.1:*", file));
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
    assert_null(bus_router_new_curve(bus_router_endpoint(router), server_file)); /* in use */
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
    assert_true(bus_client_send(client, (struct bytes){large, 4 * BUS_COMMAND_MAX}, WAIT_MS));
    assert_true(readable(bus_router_socket(router), WAIT_MS));
    assert_true(bus_router_take(router, arena, &caller, &frame));
    assert_int_equal(frame.length, 4 * BUS_COMMAND_MAX);
    bus_router_answer(router, &caller, (struct bytes){large, BUS_FRAME_MAX});
    assert_true(bus_client_receive(client, arena, &frame, WAIT_MS));
    assert_int_equal(frame.length, BUS_FRAME_MAX);
    assert_false(bus_client_send(client, (struct bytes){large, 4 * BUS_COMMAND_MAX + 1}, WAIT_MS));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_known_key, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_key, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_change_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(no_guard, setup_unguarded, teardown),
        cmocka_unit_test_setup_teardown(another_server, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(certificates_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(framings, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes, setup, teardown),
    };
    zsys_handler_set(NULL);
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
