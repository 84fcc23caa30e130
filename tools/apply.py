"""terraform apply, and what to try where OCI has no machine to give: `make infra-apply` (ARGS="-replace=...")."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

from tools import provision

NO_CAPACITY = b"Out of host capacity"
ADVICE = """
  OCI has no free machine of this shape in this availability domain at the moment. Nothing is broken: what was made
  stays, and the next apply goes on from there. What to try, in this order:

    1. another availability domain: availability_domain = 2 (or 3) in infra/terraform.tfvars; for one relay alone
       availability_domain within its entry of relays. A relay that runs stays where it is
    2. the same again in some hours: free capacity comes and goes, most of it at night in that region
    3. shape = "VM.Standard.E2.1.Micro", where it was VM.Standard.A1.Flex: Arm is the scarcer one
    4. an account that is upgraded to pay as you go: it is served first, and Always Free stays free in it
"""


# What OCI says of a shape that it does not offer in this availability domain, or not to this tenancy.
NOT_HERE = re.compile(rb"LimitExceeded[^\n]*(core-count|memory-count)|shape VM\.Standard\.\S+ not found", re.IGNORECASE)
WHERE = """
  OCI does not give you this shape in this availability domain. In some regions the free VM.Standard.E2.1.Micro is
  offered in one availability domain only. Nothing is broken: what was made stays. What to try, in this order:

    1. the console, Governance, Limits, Quotas and Usage, Compute: in which availability domain the limit of the shape
       (standard-e2-micro-core-count, standard-a1-core-count) is not 0, and how much of it is used. Then that one:
       availability_domain = 2 (or 3) in infra/terraform.tfvars
    2. where the limit is used up: which VM uses it. Two of VM.Standard.E2.1.Micro are free, for the whole tenancy
    3. the home region, where it is another one: nowhere else anything is Always Free
"""


def main() -> int:
    command = [str(provision.terraform()), f"-chdir={provision.ROOT / 'infra'}", "apply", *sys.argv[1:]]
    seen = b""
    ours, its = os.pipe()
    with subprocess.Popen(command, stdout=its, stderr=subprocess.STDOUT) as running:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it has heard it too, ends in order and says so
        os.close(its)
        while content := os.read(ours, 4096):  # as it comes: it may be asking something
            seen += content
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
    os.close(ours)
    if running.returncode and NO_CAPACITY in seen:
        print(ADVICE)
    elif running.returncode and NOT_HERE.search(seen):
        print(WHERE)
    return running.returncode


if __name__ == "__main__":
    sys.exit(main())
