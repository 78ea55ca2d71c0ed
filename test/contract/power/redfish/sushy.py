"""Starts sushy-tools' emulator as the JSON on stdin says. The password is in no argument list."""

import json
import os
import random
import sys

import bcrypt
from sushy_tools.emulator import main

told = json.load(sys.stdin)
folder = told["folder"]
secret = bcrypt.hashpw(told["password"].encode(), bcrypt.gensalt(4)).decode()
with open(os.path.join(folder, "htpasswd"), "w") as file:
    file.write(f"{told['user']}:{secret}\n")

# A reset lands one to eleven seconds after it was asked for, by chance. Always the soonest: up to a second later.
random.randint = lambda low, high: low

main.app.configure(
    extra_config={
        "SUSHY_EMULATOR_LISTEN_IP": "127.0.0.1",
        "SUSHY_EMULATOR_LISTEN_PORT": told["port"],
        "SUSHY_EMULATOR_SSL_CERT": told["certificate"],
        "SUSHY_EMULATOR_SSL_KEY": told["key"],
        "SUSHY_EMULATOR_AUTH_FILE": os.path.join(folder, "htpasswd"),
        "SUSHY_EMULATOR_STATE_DIR": os.path.join(folder, "state"),
        "SUSHY_EMULATOR_FAKE_DRIVER": True,
        "SUSHY_EMULATOR_FAKE_SYSTEMS": told["systems"],
    }
)
sys.argv = ["sushy-emulator", "--fake"]
main.main()
