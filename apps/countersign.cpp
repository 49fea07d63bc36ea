// `countersign`: the one command people type.
#include "cli/run.h"

int main(int argc, char** argv) { return countersign::cli::run(argc, argv); }
