"""A whole machine with a kernel of its own, in QEMU, where a container isn't enough: its power can be cut, and its clock set.
What its kernel hadn't given to the disk is gone then. Its network reaches this machine's loopback and nothing else."""
import base64
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import root as roots
from root import sh, wait_for

# Over a port of its own: one line is one command; the answer is one line of output in base64 and one with the exit code.
AGENT = r"""#!/bin/bash
exec 3<>/dev/virtio-ports/control
while IFS= read -r line <&3; do
  out=$(bash -c "$line" 2>&1 </dev/null); code=$?
  printf '%s\n%d\n' "$(printf '%s' "$out" | base64 -w0)" "$code" >&3
done
"""
UNIT = """[Unit]
Description=The test's own hands
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/local/sbin/agent
Restart=always
[Install]
WantedBy=sysinit.target
"""
NETWORK = "[Match]\nName=en*\n[Network]\nAddress=10.0.2.15/24\n"


def why_not():
    reason = roots.why_not()
    if not reason and not shutil.which("qemu-system-x86_64"):
        reason = "qemu-system-x86_64 is missing (apt-get install qemu-system-x86)"
    return reason or ("" if roots.architecture() == "amd64" else "the machine is made for amd64")


def disk():
    """A file system with the package's root, a kernel and the agent; beside it kernel and initrd. Made once."""
    def fill(folder):
        folder.mkdir()
        sh("tar", "-C", folder, "-xf", roots.ready())
        def install(*packages):
            sh("chroot", folder, "apt-get", "install", "-y", "-q", "--no-install-recommends", *packages,
               env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
        install("initramfs-tools", "util-linux-extra", "fdisk", "dosfstools", "e2fsprogs")
        # No more than its own disk needs; the kernel's others, USB's among them, lie on that.
        (folder / "etc/initramfs-tools/conf.d/modules").write_text("MODULES=list\n")
        (folder / "etc/initramfs-tools/modules").write_text("virtio_pci\nvirtio_blk\next4\n")
        install("linux-image-amd64")
        (folder / "usr/local/sbin/agent").write_text(AGENT)
        (folder / "usr/local/sbin/agent").chmod(0o755)
        (folder / "etc/systemd/system/agent.service").write_text(UNIT)
        (folder / "etc/systemd/network").mkdir(exist_ok=True)
        (folder / "etc/systemd/network/wired.network").write_text(NETWORK)
        (folder / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
        sh("chroot", folder, "systemctl", "enable", "agent.service", "systemd-networkd.service")
    return roots.keep(f"{roots.suite()}-machine-usb", fill)


class Machine(roots.Booted):
    def __init__(self, ports):
        """`ports`: of this machine's loopback to the guest's, such as {20001: 1883}."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="alona-machine-", dir="/var/tmp"))
        self.ports, self.process, self.boots = ports, None, 0
        tree = self.folder / "tree"
        tree.mkdir()
        sh("tar", "-C", tree, "-xf", disk())
        shutil.copy(roots.package(), tree / "root/alona.deb")
        for name in ("vmlinuz", "initrd.img"):
            shutil.copy(tree / os.readlink(tree / name), self.folder / name)  # Debian's links to the newest
        sh("mkfs.ext4", "-q", "-d", tree, self.folder / "disk", "4G")
        shutil.rmtree(tree)

    def boot(self, more=()):
        forwards = "".join(f",hostfwd=tcp:127.0.0.1:{here}-10.0.2.15:{there}" for here, there in self.ports.items())
        control = self.folder / "control"
        control.unlink(missing_ok=True)
        # Emulated: slower than the machine's own virtualization, but the same on every machine, virtual ones included.
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "1024", "-smp", "2", "-nographic", "-no-reboot", "-kernel", self.folder / "vmlinuz",
             "-initrd", self.folder / "initrd.img", "-append", "root=/dev/vda rw console=ttyS0 panic=-1 net.ifnames=1",
             "-drive", f"file={self.folder}/disk,format=raw,if=virtio,cache=writeback",
             "-netdev", f"user,id=net,restrict=on{forwards}", "-device", "virtio-net-pci,netdev=net",
             "-device", "virtio-serial", "-chardev", f"socket,id=control,path={control},server=on,wait=off",
             "-device", "virtserialport,chardev=control,name=control", "-device", "qemu-xhci,id=usb",
             "-monitor", f"unix:{self.folder}/monitor,server=on,wait=off", *more],
            stdin=subprocess.DEVNULL, stdout=open(self.folder / f"console-{self.boots}", "w"), stderr=subprocess.STDOUT)
        self.boots += 1
        wait_for("its socket", control.exists)
        self.line = socket.socket(socket.AF_UNIX)
        self.line.settimeout(300)
        self.line.connect(str(control))
        self.answers = self.line.makefile("rb")
        assert self.run("echo here").strip() == "here"

    def run(self, command, check=True):
        """Output of a shell's line; waits until the agent runs."""
        assert "\n" not in command
        self.line.sendall(command.encode() + b"\n")
        out, code = base64.b64decode(self.answers.readline()).decode(), self.answers.readline().strip()
        assert code, (self.folder / f"console-{self.boots - 1}").read_text()[-3000:]
        assert not check or code == b"0", f"{command}: {code.decode()}\n{out}"
        return out

    def tell_qemu(self, command):
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(60)
            monitor.connect(str(self.folder / "monitor"))
            talk = monitor.makefile("rwb")
            talk.write(command.encode() + b"\nquit_is_no_command\n")
            talk.flush()
            said = b""
            while b"unknown command: 'quit_is_no_command'" not in said:
                said += talk.readline()
        assert b"Error" not in said, said

    def plug(self, image):
        """A USB stick, of what is in the file `image`."""
        self.tell_qemu(f"drive_add 0 if=none,id=stick,format=raw,file={image}")
        self.tell_qemu("device_add usb-storage,drive=stick,id=stick,bus=usb.0,removable=on")

    def pull(self):
        self.tell_qemu("device_del stick")

    def cut(self):
        """The power goes: nothing in it gets to end."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.line.close()
        self.process = None

    def wait(self, what, command, seconds=120):
        """Until the shell's line succeeds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.run(f"{command} && echo yes || true").strip().endswith("yes"):
                return
            time.sleep(0.5)
        raise AssertionError(f"waited {seconds} s for {what}: {self.run('systemctl --failed; journalctl -b -n 40 --no-pager', False)}")
