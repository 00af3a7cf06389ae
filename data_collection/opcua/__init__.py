"""OPC UA client: a line is one session with one server; values come by subscription, else by reading."""
