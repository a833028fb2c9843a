"""Train a recurrent text classifier: `python train.py --arch bilstm`; `python train.py --help` lists the options."""

import sys

from sentiment.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
