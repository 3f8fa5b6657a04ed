//! Input and output: the only modules that know a disk, a network, a clock or another process.
