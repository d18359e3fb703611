/*
 * main - terraform-provider-ipam
 */
#include "proto/server.h"
#include "provider/estate.h"

int main(int argc, char **argv)
{
    return plugin_main(argc, argv, &ipam_provider, NULL);
}
