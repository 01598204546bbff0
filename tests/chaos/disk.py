# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small disk for each daemon that can be filled up: a tmpfs, when we may mount one."""
import contextlib
import os
import subprocess

SIZE_MIB = 192


class Disk:
    def __init__(self, directory):
        self.dir = directory
        self.dir.mkdir()
        self.filler = self.dir / 'filler'
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={SIZE_MIB}m,mode=700', 'chaos', self.dir],
                                 capture_output=True, text=True, check=False)
        self.is_small = mounted.returncode == 0
        self.why = mounted.stderr.strip()

    def fill(self, left_mib):
        """To the last octet, or until so much is left."""
        if left_mib:
            free = os.statvfs(self.dir)
            with self.filler.open('ab') as file:
                os.posix_fallocate(file.fileno(), 0, max(4096, free.f_bavail * free.f_frsize - (left_mib << 20)))
            return
        with self.filler.open('ab', buffering=0) as file, contextlib.suppress(OSError):
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass

    def clear(self):
        self.filler.unlink(missing_ok=True)

    def close(self, keep):
        """keep: a directory for what is on it, or None."""
        self.clear()
        if keep:
            subprocess.run(['cp', '-a', f'{self.dir}/.', keep], check=False)
        if self.is_small:
            subprocess.run(['umount', '-l', self.dir], check=False)

