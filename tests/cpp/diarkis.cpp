// A game that was written for Diarkis answers OnOffline as it always did.

#include <sterna/diarkis.hpp>

class DiarkisTcp : public DiarkisTcpBase {
protected:
    void OnOffline() override;
};

class DiarkisUdp : public DiarkisUdpBase {
protected:
    void OnOffline() override;
};

void DiarkisTcp::OnOffline()
{
    DiarkisTcpBase::OnOffline();
    this->SendMigrate();
}

void DiarkisUdp::OnOffline()
{
    DiarkisUdpBase::OnOffline();
    this->SendMigrate();
}

int main()
{
    DiarkisTcp tcp;
    DiarkisUdp udp;
    const bool works = tcp.Update().Ok() && udp.Update().Ok() && !tcp.IsOffline() && !udp.IsOffline() &&
                       tcp.SendMigrate() == STERNA_ERROR_NOT_CONNECTED && udp.Offline().deadline_ms == 0;
    return works ? 0 : 1;
}
