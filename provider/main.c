/*
 * main - terraform-provider-ipam
 */
#include "proto/server.h"
#include "provider/estate.h"

int main(int argc, char **argv)
{
    static const struct plugin_command commands[] = {
        {"doctor",
         "explains which states and claims are known, and what keeps CIDRs from being "
         "issued",
         doctor_main},
        {NULL, NULL, NULL},
    };
    return plugin_main(argc, argv, &ipam_provider, commands);
}
