/* Says which library it was given, and whether that fits the header. */

#include <stdio.h>
#include <sterna.h>

int main(void)
{
    SternaClient *client = NULL;
    if (sterna_abi_version() != STERNA_ABI_VERSION || sterna_client_create(NULL, &client) != STERNA_OK) {
        fprintf(stderr, "%s\n", sterna_last_error());
        return 1;
    }
    sterna_client_destroy(client);
    printf("Sterna %s\n", sterna_version());
    return 0;
}
