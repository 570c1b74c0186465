#!/usr/local/bin/node
// The command line inside of the replica's image.
import "/app/cli/main.js";
