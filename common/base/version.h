/* The version of this build, as --version tells it. */
#ifndef ZTC_BASE_VERSION_H
#define ZTC_BASE_VERSION_H

#define ZTC_VERSION "0.1.0"

#endif
