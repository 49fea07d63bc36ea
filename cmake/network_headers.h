// What most sources of the modules that use net include, for COUNTERSIGN_PCH: Boost.Asio defines variables in its headers,
// which have to be linked to whatever includes it.
#pragma once

#include "standard_headers.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
