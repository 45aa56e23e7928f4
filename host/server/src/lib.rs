//! The binary longshore and its library: configuration, command line, MCP.
