/* A Modbus TCP server by another maker's library: floats in all four orders by the library's own functions.
 * Prints its port; ends when its client leaves. Registers: 0.. float abcd, 2.. cdab, 4.. badc, 6.. dcba, 8 int16, 9 uint16;
 * input registers 0, 1: int32 high word first; coils 0..9: bits of 0x2A5, discrete inputs the inverse. */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *map = modbus_mapping_new(10, 10, 20, 4);
    if (ctx == NULL || map == NULL) return 1;
    modbus_set_float_abcd(230.125f, &map->tab_registers[0]);
    modbus_set_float_cdab(50.01f, &map->tab_registers[2]);
    modbus_set_float_badc(-12.75f, &map->tab_registers[4]);
    modbus_set_float_dcba(1e6f, &map->tab_registers[6]);
    map->tab_registers[8] = (uint16_t)-1234;
    map->tab_registers[9] = 65000;
    MODBUS_SET_INT32_TO_INT16(map->tab_input_registers, 0, -100000);
    for (int i = 0; i < 10; i++) {
        map->tab_bits[i] = (0x2A5 >> i) & 1;
        map->tab_input_bits[i] = !map->tab_bits[i];
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1)) return 1;
    getsockname(listener, (struct sockaddr *)&at, &size);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    modbus_tcp_accept(ctx, &listener);
    for (;;) {
        uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
        int length = modbus_receive(ctx, query);
        if (length < 0) break;
        if (length > 0) modbus_reply(ctx, query, length, map);
    }
    modbus_mapping_free(map);
    modbus_free(ctx);
    return 0;
}
