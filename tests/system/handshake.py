"""Whether a key is let in: what libzmq's own monitor says of the handshake, so that nobody waits for an answer that does not come."""

import zmq
from zmq.utils.monitor import recv_monitor_message

WATCHED = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | \
    zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_DISCONNECTED


def gets_in(endpoint, kind, pair, server_key):
    """With this pair (None: without CURVE) at a server of this key; the first word decides."""
    context = zmq.Context()
    socket = context.socket(kind)
    socket.linger = 0
    if pair is not None:
        socket.curve_publickey, socket.curve_secretkey = pair
        socket.curve_serverkey = server_key
    monitor = socket.get_monitor_socket(WATCHED)
    socket.connect(endpoint)
    assert monitor.poll(60000), "nothing is heard of the handshake"
    event = recv_monitor_message(monitor)["event"]
    socket.disable_monitor()
    context.destroy(linger=0)
    return event == zmq.EVENT_HANDSHAKE_SUCCEEDED
