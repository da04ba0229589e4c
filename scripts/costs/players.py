"""Players for measurements: clients of the C library, driven from one thread."""

import ctypes
import sys
import time

FRAME_S = 0.02
CONNECTED = 2
TCP, UDP = 0, 1
PAYLOAD = bytes(32)


class Config(ctypes.Structure):
    """The first fields of `SternaClientConfig`; by its size the library knows that it is older."""

    _fields_ = [(name, ctypes.c_uint32) for name in ("struct_size", "transport", "move_mode", "log_level")]


class Players:
    """Clients of the library, all on this thread."""

    def __init__(self, library, transport=TCP):
        self.library = ctypes.CDLL(str(library))
        pointer = ctypes.c_void_p
        self.library.sterna_client_create.argtypes = [pointer, ctypes.POINTER(pointer)]
        self.library.sterna_client_connect.argtypes = [pointer, ctypes.c_char_p]
        self.library.sterna_client_rsend.argtypes = [
            pointer, ctypes.c_uint8, ctypes.c_uint16, ctypes.c_char_p, ctypes.c_uint32,
        ]  # fmt: skip
        for one in ("update", "state", "send_migrate"):
            getattr(self.library, f"sterna_client_{one}").argtypes = [pointer]
        self.library.sterna_client_destroy.argtypes = [pointer]
        self.library.sterna_client_destroy.restype = None
        self.library.sterna_client_config_init.argtypes = [pointer, ctypes.c_uint32]
        self.config = Config()
        if self.library.sterna_client_config_init(ctypes.byref(self.config), ctypes.sizeof(Config)):
            sys.exit("the library does not know this configuration")
        self.config.transport = transport
        self.clients = []

    def each(self, call, *arguments):
        return [getattr(self.library, f"sterna_client_{call}")(client, *arguments) for client in self.clients]

    def play(self, seconds, sends=0):
        """Frames; `sends`: so many messages of each player in a second, which the server sends back."""
        frames, due = int(1 / FRAME_S), 0
        began = time.monotonic()
        for frame in range(seconds * frames):
            due += sends
            while due >= frames:
                due -= frames
                if any(self.each("rsend", 2, 1, PAYLOAD, len(PAYLOAD))):
                    sys.exit("a message was not taken")
            self.each("update")
            time.sleep(max(0, began + (frame + 1) * FRAME_S - time.monotonic()))

    def connect(self, tokens):
        for token in tokens:
            client = ctypes.c_void_p()
            if self.library.sterna_client_create(ctypes.byref(self.config), ctypes.byref(client)):
                sys.exit("no client can be made")
            self.library.sterna_client_connect(client, token.encode())
            self.clients.append(client)
            self.each("update")
        self.play(8)
        if any(state != CONNECTED for state in self.each("state")):
            sys.exit("a player is not connected")

    def leave(self):
        self.each("destroy")
        self.clients.clear()
