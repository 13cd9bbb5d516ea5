#!/usr/bin/python3
import json
from pathlib import Path

facts = {"host": "${node.hostname}", "disks": [each.name for each in Path("/sys/block").iterdir()]}
match facts:
    case {"disks": [first, *_]}:
        print(json.dumps({"first": first}))
