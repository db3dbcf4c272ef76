// The files of an image that is being installed: from their staging names into place (sql/image.h,
// steps 3 and 4).
#pragma once

#include "base/result.h"
#include "env/disk.h"
#include "storage/manifest.h"

namespace lockstep::sql {

// What a crash cut short after install_image(). Precondition: the manifest says `installing`.
// Success: it no longer does. Before any connection is open.
Status finish_installation(env::Disk& disk, storage::Manifest& manifest);

}  // namespace lockstep::sql
