# A controller by OpenStack's pyghmi, which is somebody else's RMCP+ than ours, ipmitool's and OpenIPMI's. The JSON on stdin says
# where it listens and what its password is; whoever closes stdin ends it.
import json
import os
import sys
import threading

from pyghmi.ipmi.bmc import Bmc


class Machine(Bmc):
    power = "off"
    boot = "default"

    def get_power_state(self):
        return self.power

    def power_on(self):
        self.power = "on"

    def power_off(self):
        self.power = "off"

    def power_shutdown(self):
        self.power = "off"

    def get_boot_device(self):
        return self.boot

    def set_boot_device(self, device):
        self.boot = device


def wait_for_the_end():
    sys.stdin.read()
    os._exit(0)


told = json.loads(sys.stdin.readline())
threading.Thread(target=wait_for_the_end, daemon=True).start()
machine = Machine({told["user"]: told["password"]}, port=told["port"], address="127.0.0.1")
print("it listens", flush=True)
machine.listen()
